/** A value that is copied with one click. */
import { CopyButton, Tooltip, UnstyledButton } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { t } from "@/strings";
import classes from "./CopyText.module.css";

export function CopyText({ value, label }: { value: string; label?: string }) {
  return (
    <CopyButton value={value} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t.actions.copied : t.actions.copy}>
          <UnstyledButton
            className={classes.copy}
            aria-label={`${t.actions.copy} ${label ?? value}`}
            onClick={(event) => {
              event.stopPropagation();
              copy();
            }}
          >
            <span className={classes.value}>{value}</span>
            {copied ? (
              <IconCheck size={14} className={classes.done} aria-hidden />
            ) : (
              <IconCopy size={14} className={classes.icon} aria-hidden />
            )}
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  );
}
