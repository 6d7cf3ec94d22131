/** Recordings of terminals, newest first. */
import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  Group,
  Menu,
  Paper,
  Skeleton,
  Table,
  Text,
} from "@mantine/core";
import { IconDots, IconDownload, IconPlayerPlay, IconTrash, IconVideo } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { keys } from "@/api/keys";
import { castAddress, removeRecording, useRecordings } from "@/api/recordings";
import { useMay } from "@/api/session";
import type { Recording } from "@/api/wire";
import { bytes, duration } from "@/format";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Ask } from "@/ui/Ask";
import { Failure } from "@/ui/Failure";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { State } from "@/ui/State";

const words = t.recordings;

export function RecordingsPage() {
  const { data, error, refetch } = useRecordings();
  return (
    <Page
      title={words.title}
      lead={words.lead}
      actions={
        <Button component={Link} to="/terminals" size="xs" variant="default">
          {t.terminals.title}
        </Button>
      }
    >
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {!error && data === undefined && <Skeleton height={180} />}
      {data && data.unanswered.length > 0 && (
        <Alert color="yellow">{words.unanswered(data.unanswered.join(", "))}</Alert>
      )}
      {data?.recordings.length === 0 && (
        <Nothing icon={IconVideo} title={words.noneTitle}>
          {words.none}
        </Nothing>
      )}
      {data && data.recordings.length > 0 && <Recordings recordings={data.recordings} />}
    </Page>
  );
}

function Recordings({ recordings }: { recordings: readonly Recording[] }) {
  const queries = useQueryClient();
  const [removing, setRemoving] = useState<Recording | null>(null);
  return (
    <Paper style={{ overflowX: "auto" }}>
      <Table highlightOnHover style={{ whiteSpace: "nowrap" }}>
        <Table.Thead>
          <Table.Tr>
            {[words.vm, words.state, words.at, words.by].map((title) => (
              <Table.Th key={title}>{title}</Table.Th>
            ))}
            <Table.Th ta="right">{words.length}</Table.Th>
            <Table.Th ta="right">{words.size}</Table.Th>
            <Table.Th aria-label={words.play} />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {recordings.map((recording) => (
            <Row key={recording.id} recording={recording} onRemove={() => setRemoving(recording)} />
          ))}
        </Table.Tbody>
      </Table>
      {removing && (
        <Ask
          question={{
            title: words.removeTitle,
            text: words.removeLead(removing.vm_name),
            verb: words.remove,
            loses: true,
            run: async () => {
              await removeRecording(removing.id);
              void queries.invalidateQueries({ queryKey: keys.recordings });
            },
          }}
          onClose={() => setRemoving(null)}
        />
      )}
    </Paper>
  );
}

function Row({ recording, onRemove }: { recording: Recording; onRemove: () => void }) {
  const mayRemove = useMay("operator");
  const goesOn = recording.state === "recording";
  return (
    <Table.Tr>
      <Table.Td>
        <Group gap={8} wrap="nowrap">
          <Text size="sm" fw={500}>
            {recording.vm_name}
          </Text>
          <Text size="xs" c="dimmed">
            {recording.agent_hostname}
          </Text>
          {recording.has_input && (
            <Badge size="sm" color="orange">
              {words.hasInput}
            </Badge>
          )}
        </Group>
      </Table.Td>
      <Table.Td>
        <State
          tone={goesOn ? "busy" : recording.is_full ? "warn" : "idle"}
          label={goesOn ? words.recording : recording.is_full ? words.full : words.ended}
          passing={goesOn}
        />
      </Table.Td>
      <Table.Td>
        <Age at={recording.created_at} />
      </Table.Td>
      <Table.Td>{recording.created_by}</Table.Td>
      <Table.Td ta="right">{duration(recording.duration_s)}</Table.Td>
      <Table.Td ta="right">{bytes(recording.size_bytes)}</Table.Td>
      <Table.Td>
        <Group gap={4} justify="flex-end" wrap="nowrap">
          <Button
            renderRoot={(props) => (
              <Link to="/terminals/recordings/$id" params={{ id: recording.id }} {...props} />
            )}
            size="compact-sm"
            variant="light"
            leftSection={<IconPlayerPlay size={14} />}
          >
            {words.play}
          </Button>
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
      </Table.Td>
    </Table.Tr>
  );
}
