/** Recordings of terminals, newest first. */
import { ActionIcon, Alert, Badge, Group, Menu } from "@mantine/core";
import { IconDots, IconDownload, IconPlayerPlay, IconTrash, IconVideo } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { castAddress, removeRecording, useRecordings } from "@/api/recordings";
import { useMay } from "@/api/session";
import type { Recording } from "@/api/wire";
import { bytes, duration } from "@/format";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Ask, type Question } from "@/ui/Ask";
import { type Column, DataTable, Lines } from "@/ui/DataTable";
import { LinkButton } from "@/ui/LinkButton";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { State } from "@/ui/State";

const words = t.recordings;

const COLUMNS: Column<Recording>[] = [
  {
    key: "vm",
    title: words.vm,
    grows: true,
    cell: (recording) => (
      <Lines
        first={
          <Group gap={8}>
            {recording.vm_name}
            {recording.has_input && (
              <Badge size="sm" color="orange">
                {words.hasInput}
              </Badge>
            )}
          </Group>
        }
        second={recording.agent_hostname}
      />
    ),
  },
  { key: "state", title: words.state, cell: stateOf },
  { key: "at", title: words.at, wide: true, cell: ({ created_at: at }) => <Age at={at} /> },
  { key: "by", title: words.by, wide: true, cell: (recording) => recording.created_by },
  {
    key: "length",
    title: words.length,
    wide: true,
    cell: (recording) => duration(recording.duration_s),
  },
  { key: "size", title: words.size, wide: true, cell: ({ size_bytes: size }) => bytes(size) },
];

export function RecordingsPage() {
  const { data, error, refetch } = useRecordings();
  const queries = useQueryClient();
  const [question, ask] = useState<Question | null>(null);
  const unanswered = data?.unanswered ?? [];
  const remove = (recording: Recording) =>
    ask({
      title: words.removeTitle,
      text: words.removeLead(recording.vm_name),
      verb: words.remove,
      loses: true,
      run: async () => {
        await removeRecording(recording.id);
        await queries.invalidateQueries({ queryKey: keys.recordings });
      },
    });
  return (
    <Page
      title={words.title}
      lead={words.lead}
      actions={
        <LinkButton to="/terminals" size="xs" variant="default">
          {t.terminals.title}
        </LinkButton>
      }
    >
      {unanswered.length > 0 && (
        <Alert color="yellow">{words.unanswered(unanswered.join(", "))}</Alert>
      )}
      <DataTable
        label={words.title}
        rows={data?.recordings}
        error={error}
        onRetry={() => void refetch()}
        keyOf={(recording) => recording.id}
        columns={COLUMNS}
        empty={
          <Nothing icon={IconVideo} title={words.noneTitle}>
            {words.none}
          </Nothing>
        }
        actions={(recording) => (
          <Actions recording={recording} onRemove={() => remove(recording)} />
        )}
      />
      <Ask question={question} onClose={() => ask(null)} />
    </Page>
  );
}

function stateOf(recording: Recording) {
  const goesOn = recording.state === "recording";
  return (
    <State
      tone={goesOn ? "busy" : recording.is_full ? "warn" : "idle"}
      label={goesOn ? words.recording : recording.is_full ? words.full : words.ended}
      passing={goesOn}
    />
  );
}

function Actions({ recording, onRemove }: { recording: Recording; onRemove: () => void }) {
  const mayRemove = useMay("operator");
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      <LinkButton
        to="/terminals/recordings/$id"
        params={{ id: recording.id }}
        size="compact-sm"
        variant="light"
        leftSection={<IconPlayerPlay size={14} />}
      >
        {words.play}
      </LinkButton>
      <Menu>
        <Menu.Target>
          <ActionIcon size={26} aria-label={words.more(recording.vm_name)}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            component="a"
            href={castAddress(recording.id)}
            download
            leftSection={<IconDownload size={15} />}
          >
            {words.download}
          </Menu.Item>
          {mayRemove && (
            <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={onRemove}>
              {words.remove}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
