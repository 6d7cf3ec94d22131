/** All terminals of the fleet that one may see, whether shown here or not. */
import { ActionIcon, Alert, Button, Group, Stack, Text, Tooltip } from "@mantine/core";
import { IconPlayerRecordFilled, IconPlus, IconSquareX, IconTerminal2 } from "@tabler/icons-react";
import { useState } from "react";
import { useMayUseTerminals } from "@/api/session";
import { useTerminals } from "@/api/terminals";
import type { Terminal } from "@/api/wire";
import { time } from "@/format";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { type Column, DataTable, Lines } from "@/ui/DataTable";
import { Nothing } from "@/ui/Nothing";
import { State } from "@/ui/State";
import { EndDialog } from "./EndDialog";
import classes from "./Terminals.module.css";

const words = t.terminals;

const COLUMNS: Column<Terminal>[] = [
  {
    key: "vm",
    title: words.vm,
    grows: true,
    cell: (terminal) => (
      <Lines
        first={
          <Group gap={8} wrap="nowrap">
            {terminal.vm_name}
            {terminal.recording_id !== null && <Recorded />}
          </Group>
        }
        second={terminal.agent_hostname}
      />
    ),
  },
  {
    key: "state",
    title: words.state,
    cell: (terminal) => (
      <State
        tone={isAlive(terminal) ? "good" : "idle"}
        label={isAlive(terminal) ? words.running : words.exited(terminal.exit_code)}
      />
    ),
  },
  {
    key: "command",
    title: words.command,
    wide: true,
    cell: ({ command }) => (
      <Text size="xs" {...(command && { ff: "monospace" })} c="dimmed" lineClamp={1}>
        {command?.join(" ") ?? words.shell}
      </Text>
    ),
  },
  { key: "by", title: words.openedBy, wide: true, cell: (terminal) => terminal.created_by },
  {
    key: "at",
    title: words.openedAt,
    wide: true,
    cell: (terminal) => <Age at={terminal.created_at} />,
  },
  {
    key: "viewers",
    title: words.watched,
    wide: true,
    cell: ({ viewers }) => viewers.map(({ name }) => name).join(", ") || "–",
  },
];

export function TerminalList(props: { onShow: (id: string) => void; onNew: () => void }) {
  const { data, error, refetch } = useTerminals();
  const may = useMayUseTerminals();
  const [ending, setEnding] = useState<Terminal | null>(null);
  const unanswered = data?.unanswered ?? [];
  const open = may && (
    <Button leftSection={<IconPlus size={15} />} onClick={props.onNew}>
      {words.open}
    </Button>
  );
  return (
    <Stack gap="md">
      {unanswered.length > 0 && (
        <Alert color="yellow">{words.unanswered(unanswered.join(", "))}</Alert>
      )}
      <DataTable
        label={words.title}
        rows={data && livingFirst(data.terminals)}
        error={error}
        onRetry={() => void refetch()}
        keyOf={(terminal) => terminal.id}
        columns={COLUMNS}
        onOpen={(terminal) => props.onShow(terminal.id)}
        empty={
          <Nothing icon={IconTerminal2} title={words.noneTitle} action={open}>
            {may ? words.none : words.noneMayLook}
          </Nothing>
        }
        actions={(terminal) => (
          <Group gap={4} justify="flex-end" wrap="nowrap">
            <Button size="compact-sm" variant="light" onClick={() => props.onShow(terminal.id)}>
              {words.show}
            </Button>
            {may && isAlive(terminal) && (
              <End terminal={terminal} onAsk={() => setEnding(terminal)} />
            )}
          </Group>
        )}
      />
      {ending && <EndDialog terminal={ending} onClose={() => setEnding(null)} />}
    </Stack>
  );
}

function Recorded() {
  return (
    <Tooltip label={words.recorded}>
      <IconPlayerRecordFilled size={12} className={classes.recorded} aria-label={words.recorded} />
    </Tooltip>
  );
}

function End({ terminal, onAsk }: { terminal: Terminal; onAsk: () => void }) {
  return (
    <Tooltip label={words.end}>
      <ActionIcon size={26} aria-label={`${words.end}: ${terminal.vm_name}`} onClick={onAsk}>
        <IconSquareX size={16} stroke={1.7} />
      </ActionIcon>
    </Tooltip>
  );
}

/** The newest of each first. */
function livingFirst(terminals: readonly Terminal[]): readonly Terminal[] {
  const newest = terminals.toSorted((one, other) => time(other.created_at) - time(one.created_at));
  return newest.toSorted((one, other) => Number(isAlive(other)) - Number(isAlive(one)));
}

function isAlive({ state }: Terminal): boolean {
  return state === "running";
}
