/** A terminal as people see it: a bar with what it is and what can be done, the screen, and what is the matter. */
import { ActionIcon, Box, Group, Text, Tooltip } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconMaximize, IconMinimize, IconSearch } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef } from "react";
import type { Place } from "@/api/terminal/session";
import { t } from "@/strings";
import { ConditionBanner } from "./ConditionBanner";
import { KeyBar } from "./KeyBar";
import { SearchBar } from "./SearchBar";
import classes from "./Terminal.module.css";
import { useTerminal } from "./useTerminal";
import { ViewersButton } from "./ViewersButton";

export function TerminalView(props: {
  place: Place;
  /** Of the first byte to show; null shows the screen as it is. */
  offset: number | null;
  name: ReactNode;
  /** Names the screen to those who do not see it. */
  label: string;
  /** Whether anybody can see it. */
  shown: boolean;
  /** Whether it has the keyboard. */
  active: boolean;
  onActivate?: () => void;
  isFull: boolean;
  onFull: (full: boolean) => void;
  actions?: ReactNode;
  /** What can be done when it is over. */
  afterwards?: ReactNode;
}) {
  const { place, offset, shown, active } = props;
  const screen = useRef<HTMLDivElement>(null);
  const bar = useRef<HTMLDivElement>(null);
  const terminal = useTerminal(screen, {
    place,
    offset,
    shown,
    onLeave: () => bar.current?.querySelector("button")?.focus(),
  });
  const { emulator, session, condition, signs } = terminal;
  const touches = useMediaQuery("(pointer: coarse)");
  const { mode } = condition;
  useEffect(() => {
    if (shown && active) emulator.focus();
  }, [emulator, shown, active]);
  return (
    <Box
      component="section"
      aria-label={props.label}
      className={classes.view}
      data-active={active || undefined}
      onFocusCapture={props.onActivate}
      onPointerDownCapture={props.onActivate}
    >
      <Group ref={bar} className={classes.bar} gap={6} wrap="nowrap">
        <Group gap={8} wrap="nowrap" miw={0} flex={1}>
          {props.name}
          <Text size="xs" c="dimmed" truncate title={signs.title}>
            {signs.title}
          </Text>
        </Group>
        {mode === "reader" && (
          <Text size="xs" c="dimmed" className={classes.watching}>
            {t.terminal.watching}
          </Text>
        )}
        <ViewersButton viewers={condition.viewers} />
        <BarAction
          label={t.terminal.search}
          hint="Ctrl+Shift+F"
          onClick={() => terminal.startSearch()}
        >
          <IconSearch size={15} stroke={1.7} />
        </BarAction>
        <BarAction
          label={props.isFull ? t.terminal.smaller : t.terminal.full}
          onClick={() => props.onFull(!props.isFull)}
        >
          {props.isFull ? <IconMinimize size={15} /> : <IconMaximize size={15} />}
        </BarAction>
        {props.actions}
      </Group>
      {signs.searching && (
        <SearchBar emulator={emulator} found={signs.found} onClose={terminal.endSearch} />
      )}
      <Box className={classes.frame} __vars={{ "--screen": terminal.background }}>
        <div ref={screen} className={classes.screen} data-testid="screen" />
        {signs.link !== null && <span className={classes.link}>{signs.link}</span>}
      </Box>
      <ConditionBanner
        condition={condition}
        onAgain={() => session.again()}
        afterwards={props.afterwards}
      />
      {touches && mode !== "reader" && <KeyBar emulator={emulator} />}
    </Box>
  );
}

/** A small button of a terminal's bar. */
export function BarAction(props: {
  label: string;
  hint?: string;
  onClick: () => void;
  loading?: boolean;
  children: ReactNode;
}) {
  const told = props.hint === undefined ? props.label : `${props.label} (${props.hint})`;
  return (
    <Tooltip label={told}>
      <ActionIcon
        size={24}
        aria-label={props.label}
        onClick={props.onClick}
        loading={props.loading ?? false}
      >
        {props.children}
      </ActionIcon>
    </Tooltip>
  );
}
