/** One terminal in its place: its view, and what only somebody with an account can do with it. */
import { ActionIcon, Button, Menu, Text } from "@mantine/core";
import {
  IconArrowsExchange,
  IconDots,
  IconLayoutColumns,
  IconLayoutRows,
  IconPlayerRecordFilled,
  IconShare,
  IconSquareX,
  IconX,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useMayUseTerminals } from "@/api/session";
import { useTerminal } from "@/api/terminals";
import type { Terminal } from "@/api/wire";
import { t } from "@/strings";
import { BarAction, TerminalView } from "@/terminal/TerminalView";
import { EndDialog } from "./EndDialog";
import type { Direction } from "./layout";
import type { Order } from "./NewTerminal";
import { ShareDialog } from "./ShareDialog";
import classes from "./Terminals.module.css";

/** What comes back after a reload is all that the agent still has, from the first byte on. */
const FROM_THE_START = 0;

export function TerminalPane(props: {
  id: string;
  shown: boolean;
  active: boolean;
  isFull: boolean;
  maySplit: boolean;
  onFull: (full: boolean) => void;
  onActivate: () => void;
  onClose: () => void;
  onOpen: (order: Order) => void;
  /** Goes to the next terminal of the tab, where only one has place. */
  onNext: (() => void) | undefined;
}) {
  const { id, onOpen } = props;
  const { data: terminal } = useTerminal(id);
  const may = useMayUseTerminals();
  const [dialog, setDialog] = useState<"share" | "end" | null>(null);
  const vm = terminal?.vm_name ?? "…";
  const openBeside = (direction?: Direction) =>
    terminal !== undefined &&
    onOpen({
      vm: { name: terminal.vm_name, agent_id: terminal.agent_id },
      ...(direction && { beside: { terminal: id, direction } }),
    });
  return (
    <>
      <TerminalView
        place={{ terminal_id: id }}
        offset={FROM_THE_START}
        label={t.terminal.label(vm)}
        name={<Name terminal={terminal} />}
        shown={props.shown}
        active={props.active}
        onActivate={props.onActivate}
        isFull={props.isFull}
        onFull={props.onFull}
        actions={
          <>
            {props.onNext && (
              <BarAction label={t.terminals.nextPane} onClick={props.onNext}>
                <IconArrowsExchange size={15} stroke={1.7} />
              </BarAction>
            )}
            {may && (
              <BarAction label={t.terminals.share} onClick={() => setDialog("share")}>
                <IconShare size={15} stroke={1.7} />
              </BarAction>
            )}
            {may && props.maySplit && (
              <>
                <BarAction label={t.terminals.splitRight} onClick={() => openBeside("row")}>
                  <IconLayoutColumns size={15} stroke={1.7} />
                </BarAction>
                <BarAction label={t.terminals.splitDown} onClick={() => openBeside("column")}>
                  <IconLayoutRows size={15} stroke={1.7} />
                </BarAction>
              </>
            )}
            <More terminal={terminal} onEnd={may ? () => setDialog("end") : undefined} />
            <BarAction label={t.terminals.closePane} onClick={props.onClose}>
              <IconX size={15} stroke={1.7} />
            </BarAction>
          </>
        }
        afterwards={
          may && (
            <Button size="compact-xs" variant="default" onClick={() => openBeside()}>
              {t.terminals.again}
            </Button>
          )
        }
      />
      {dialog === "share" && terminal && (
        <ShareDialog terminal={terminal} onClose={() => setDialog(null)} />
      )}
      {dialog === "end" && terminal && (
        <EndDialog terminal={terminal} onClose={() => setDialog(null)} />
      )}
    </>
  );
}

function Name({ terminal }: { terminal: Terminal | undefined }) {
  return (
    <Text size="sm" fw={500} truncate className={classes.name}>
      {terminal?.recording_id != null && (
        <IconPlayerRecordFilled
          size={11}
          className={classes.recorded}
          aria-label={t.terminals.recorded}
        />
      )}
      {terminal?.vm_name ?? "…"}
      {terminal && (
        <Text span size="xs" c="dimmed" fw={400} ml={8}>
          {terminal.agent_hostname}
        </Text>
      )}
    </Text>
  );
}

function More(props: { terminal: Terminal | undefined; onEnd: (() => void) | undefined }) {
  const { terminal, onEnd } = props;
  const recording = terminal?.recording_id ?? null;
  if (terminal === undefined || (recording === null && onEnd === undefined)) return null;
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon size={24} aria-label={t.terminals.more(terminal.vm_name)}>
          <IconDots size={15} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {recording !== null && (
          <Menu.Item
            renderRoot={(props) => (
              <Link to="/terminals/recordings/$id" params={{ id: recording }} {...props} />
            )}
            leftSection={<IconPlayerRecordFilled size={14} />}
          >
            {t.terminals.toRecording}
          </Menu.Item>
        )}
        {onEnd && (
          <Menu.Item color="red" leftSection={<IconSquareX size={15} />} onClick={onEnd}>
            {t.terminals.end}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
