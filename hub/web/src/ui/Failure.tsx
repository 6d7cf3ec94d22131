/** What went wrong, in the hub's words, with the id under which its log has it. */
import { Alert, Button, Code, Group, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconAlertTriangle } from "@tabler/icons-react";
import { ApiError, sentenceOf } from "@/api/client";
import { t } from "@/strings";

export function Failure(props: {
  error: unknown;
  title?: string;
  /** What to do about it, where more is known than the hub's sentence says. */
  advice?: string | undefined;
  onRetry?: () => void;
}) {
  return (
    <Alert
      color="red"
      title={props.title ?? t.errors.title}
      icon={<IconAlertTriangle size={18} />}
      role="alert"
    >
      <Stack gap="xs" align="flex-start">
        <FailureText error={props.error} />
        {props.advice && <Text size="sm">{props.advice}</Text>}
        {props.onRetry && (
          <Button size="xs" variant="default" onClick={props.onRetry}>
            {t.errors.again}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

export function FailureText({ error }: { error: unknown }) {
  const id = error instanceof ApiError ? error.requestId : null;
  return (
    <Stack gap={4}>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {sentenceOf(error)}
      </Text>
      {id !== null && (
        <Group gap={6}>
          <Text size="xs" c="dimmed">
            {t.errors.requestId}
          </Text>
          <Code fz="xs">{id}</Code>
        </Group>
      )}
    </Stack>
  );
}

/** Tells of a failure where there is no place for it on the page. */
export function tellFailure(error: unknown, title: string = t.errors.title): void {
  notifications.show({
    color: "red",
    title,
    message: <FailureText error={error} />,
    autoClose: 12_000,
    withBorder: true,
  });
}
