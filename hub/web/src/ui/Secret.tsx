/** Something to be copied elsewhere: a command, or a secret that is shown this once. */
import { Button, CopyButton, Stack, Text } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { t } from "@/strings";
import classes from "./Secret.module.css";

export function Secret(props: { label: string; value: string; hint?: string }) {
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500}>
        {props.label}
      </Text>
      <div className={classes.box}>
        <pre className={classes.value} aria-label={props.label} tabIndex={0} role="region">
          {props.value}
        </pre>
        <CopyButton value={props.value} timeout={2000}>
          {({ copied, copy }) => (
            <Button
              variant="default"
              size="xs"
              className={classes.copy}
              onClick={copy}
              leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
            >
              {copied ? t.actions.copied : t.actions.copy}
            </Button>
          )}
        </CopyButton>
      </div>
      {props.hint && (
        <Text size="xs" c="dimmed">
          {props.hint}
        </Text>
      )}
    </Stack>
  );
}
