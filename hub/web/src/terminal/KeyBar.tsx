/** Keys that touch keyboards do not have. */
import { Button, Group } from "@mantine/core";
import { useState } from "react";
import { t } from "@/strings";
import type { Emulator } from "./emulator";
import classes from "./Terminal.module.css";

const KEYS: readonly { readonly label: string; readonly name: string; readonly sends: string }[] = [
  { label: "Esc", name: t.terminal.keys.escape, sends: "\x1b" },
  { label: "Tab", name: t.terminal.keys.tab, sends: "\t" },
  { label: "←", name: t.terminal.keys.left, sends: "\x1b[D" },
  { label: "↑", name: t.terminal.keys.up, sends: "\x1b[A" },
  { label: "↓", name: t.terminal.keys.down, sends: "\x1b[B" },
  { label: "→", name: t.terminal.keys.right, sends: "\x1b[C" },
  { label: "^C", name: t.terminal.keys.interrupt, sends: "\x03" },
];

export function KeyBar({ emulator }: { emulator: Emulator }) {
  const [held, setHeld] = useState(false);
  const hold = (wanted: boolean) => {
    setHeld(wanted);
    emulator.holdCtrl(wanted ? () => setHeld(false) : null);
  };
  return (
    <Group
      className={classes.keys}
      gap={4}
      wrap="nowrap"
      role="toolbar"
      aria-label={t.terminal.keys.label}
    >
      <Button
        size="compact-sm"
        variant={held ? "light" : "default"}
        aria-pressed={held}
        onClick={() => hold(!held)}
      >
        Ctrl
      </Button>
      {KEYS.map(({ label, name, sends }) => (
        <Button
          key={name}
          size="compact-sm"
          variant="default"
          aria-label={name}
          onClick={() => {
            hold(false);
            emulator.press(sends);
          }}
        >
          {label}
        </Button>
      ))}
    </Group>
  );
}
