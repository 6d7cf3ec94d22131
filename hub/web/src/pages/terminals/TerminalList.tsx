/** All terminals of the fleet that one may see, whether shown here or not. */
import {
  ActionIcon,
  Alert,
  Button,
  Group,
  Paper,
  Skeleton,
  Stack,
  Table,
  Text,
  Tooltip,
} from "@mantine/core";
import { IconPlayerRecordFilled, IconPlus, IconSquareX, IconTerminal2 } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useMayUseTerminals } from "@/api/session";
import { useTerminals } from "@/api/terminals";
import type { Terminal } from "@/api/wire";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Failure } from "@/ui/Failure";
import { Nothing } from "@/ui/Nothing";
import { State } from "@/ui/State";
import { EndDialog } from "./EndDialog";
import classes from "./Terminals.module.css";

const words = t.terminals;

export function TerminalList(props: { onShow: (id: string) => void; onNew: () => void }) {
  const { data, error, refetch } = useTerminals();
  const may = useMayUseTerminals();
  const [ending, setEnding] = useState<Terminal | null>(null);
  if (error && data === undefined) return <Failure error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={180} />;
  const { terminals, unanswered } = data;
  return (
    <Stack gap="md">
      <Group justify="flex-end">
        <Button component={Link} to="/terminals/recordings" size="xs" variant="default">
          {words.recordings}
        </Button>
      </Group>
      {unanswered.length > 0 && (
        <Alert color="yellow">{words.unanswered(unanswered.join(", "))}</Alert>
      )}
      {terminals.length === 0 ? (
        <Nothing
          icon={IconTerminal2}
          title={words.noneTitle}
          action={
            may && (
              <Button leftSection={<IconPlus size={15} />} onClick={props.onNew}>
                {words.open}
              </Button>
            )
          }
        >
          {may ? words.none : words.noneMayLook}
        </Nothing>
      ) : (
        <Paper className={classes.table}>
          <Table highlightOnHover>
            <Table.Thead>
              <Table.Tr>
                {[
                  words.vm,
                  words.state,
                  words.command,
                  words.openedBy,
                  words.openedAt,
                  words.watched,
                ].map((title) => (
                  <Table.Th key={title}>{title}</Table.Th>
                ))}
                <Table.Th aria-label={words.show} />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {terminals.map((terminal) => (
                <Row
                  key={terminal.id}
                  terminal={terminal}
                  onShow={() => props.onShow(terminal.id)}
                  onEnd={may ? () => setEnding(terminal) : undefined}
                />
              ))}
            </Table.Tbody>
          </Table>
        </Paper>
      )}
      {ending && <EndDialog terminal={ending} onClose={() => setEnding(null)} />}
    </Stack>
  );
}

function Row(props: { terminal: Terminal; onShow: () => void; onEnd: (() => void) | undefined }) {
  const { terminal } = props;
  const runs = terminal.state === "running";
  return (
    <Table.Tr className={classes.row} onDoubleClick={props.onShow}>
      <Table.Td>
        <Group gap={8} wrap="nowrap">
          <Text size="sm" fw={500}>
            {terminal.vm_name}
          </Text>
          <Text size="xs" c="dimmed">
            {terminal.agent_hostname}
          </Text>
          {terminal.recording_id !== null && (
            <Tooltip label={words.recorded}>
              <IconPlayerRecordFilled
                size={12}
                className={classes.recorded}
                aria-label={words.recorded}
              />
            </Tooltip>
          )}
        </Group>
      </Table.Td>
      <Table.Td>
        <State
          tone={runs ? "good" : "idle"}
          label={runs ? words.running : words.exited(terminal.exit_code)}
        />
      </Table.Td>
      <Table.Td>
        <Text size="xs" {...(terminal.command && { ff: "monospace" })} c="dimmed" lineClamp={1}>
          {terminal.command?.join(" ") ?? words.shell}
        </Text>
      </Table.Td>
      <Table.Td>{terminal.created_by}</Table.Td>
      <Table.Td>
        <Age at={terminal.created_at} />
      </Table.Td>
      <Table.Td title={terminal.viewers.map(({ name }) => name).join(", ")}>
        {terminal.viewers.length}
      </Table.Td>
      <Table.Td>
        <Group gap={4} justify="flex-end" wrap="nowrap">
          <Button size="compact-sm" variant="light" onClick={props.onShow}>
            {words.show}
          </Button>
          {props.onEnd && (
            <Tooltip label={words.end}>
              <ActionIcon
                size={26}
                aria-label={`${words.end}: ${terminal.vm_name}`}
                disabled={!runs}
                onClick={props.onEnd}
              >
                <IconSquareX size={16} stroke={1.7} />
              </ActionIcon>
            </Tooltip>
          )}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}
