/** A value that is copied with one click. Tables have thousands, so it is made of little. */
import { UnstyledButton } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { t } from "@/strings";
import classes from "./CopyText.module.css";

const TOLD_MS = 1500;

export function CopyText({ value, label }: { value: string; label?: string }) {
  const { copied, copy } = useClipboard({ timeout: TOLD_MS });
  return (
    <UnstyledButton
      className={classes.copy}
      aria-label={`${copied ? t.actions.copied : t.actions.copy} ${label ?? value}`}
      title={copied ? t.actions.copied : t.actions.copy}
      onClick={() => copy(value)}
    >
      <span className={classes.value}>{value}</span>
      {copied ? (
        <IconCheck size={14} className={classes.done} aria-hidden />
      ) : (
        <IconCopy size={14} className={classes.icon} aria-hidden />
      )}
    </UnstyledButton>
  );
}
