/** Finds text in a terminal's output, scrolled away or not. */
import { ActionIcon, Group, Text, TextInput, Tooltip } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconLetterCase, IconRegex, IconX } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { t } from "@/strings";
import type { Emulator } from "./emulator";
import classes from "./Terminal.module.css";

export function SearchBar(props: {
  emulator: Emulator;
  found: { readonly place: number; readonly count: number };
  onClose: () => void;
}) {
  const { emulator, found } = props;
  const [text, setText] = useState("");
  const [how, setHow] = useState({ caseSensitive: false, regex: false });
  const look = (way: "next" | "previous", wanted = text, as = how) => {
    if (!as.regex || isPattern(wanted)) emulator.find(wanted, way, as);
  };
  const change = (news: Partial<typeof how>) => {
    setHow({ ...how, ...news });
    look("previous", text, { ...how, ...news });
  };
  return (
    <Group className={classes.search} gap={4} wrap="nowrap" role="search">
      <TextInput
        size="xs"
        flex={1}
        maw={320}
        autoFocus
        aria-label={t.terminal.searchFor}
        placeholder={t.terminal.searchFor}
        value={text}
        error={how.regex && !isPattern(text)}
        onChange={({ currentTarget: { value } }) => {
          setText(value);
          look("previous", value);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") look(event.shiftKey ? "next" : "previous");
          if (event.key === "Escape") props.onClose();
        }}
      />
      <Text size="xs" c="dimmed" miw={64} ta="center" aria-live="polite">
        {text !== "" && t.terminal.found(found.place + 1, found.count)}
      </Text>
      <Choice
        label={t.terminal.matchCase}
        on={how.caseSensitive}
        onClick={() => change({ caseSensitive: !how.caseSensitive })}
      >
        <IconLetterCase size={15} />
      </Choice>
      <Choice label={t.terminal.regex} on={how.regex} onClick={() => change({ regex: !how.regex })}>
        <IconRegex size={15} />
      </Choice>
      <ActionIcon size={24} aria-label={t.terminal.previous} onClick={() => look("previous")}>
        <IconArrowUp size={15} />
      </ActionIcon>
      <ActionIcon size={24} aria-label={t.terminal.next} onClick={() => look("next")}>
        <IconArrowDown size={15} />
      </ActionIcon>
      <ActionIcon size={24} aria-label={t.terminal.endSearch} onClick={props.onClose}>
        <IconX size={15} />
      </ActionIcon>
    </Group>
  );
}

function Choice(props: { label: string; on: boolean; onClick: () => void; children: ReactNode }) {
  return (
    <Tooltip label={props.label}>
      <ActionIcon
        size={24}
        variant={props.on ? "light" : "subtle"}
        color={props.on ? "brand" : "gray"}
        aria-label={props.label}
        aria-pressed={props.on}
        onClick={props.onClick}
      >
        {props.children}
      </ActionIcon>
    </Tooltip>
  );
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
