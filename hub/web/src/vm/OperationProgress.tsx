/** How far an operation is: its phase, its log, and why it failed. Goes on by events. */
import { Button, Group, Progress, Skeleton, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { ApiError } from "@/api/client";
import { cancel, hasEnded, useOperation } from "@/api/operations";
import { useMay } from "@/api/session";
import type { Operation } from "@/api/wire";
import { clock } from "@/format";
import { t } from "@/strings";
import { Failure, tellFailure } from "@/ui/Failure";
import { Output } from "@/ui/Output";

export function OperationProgress({
  id,
  advice,
}: {
  id: string;
  advice?: (code: string) => string;
}) {
  const operation = useOperation(id);
  if (operation.error && !operation.data) {
    return <Failure error={operation.error} onRetry={() => void operation.refetch()} />;
  }
  if (!operation.data) return <Skeleton h={60} />;
  return <Shown operation={operation.data} advice={advice} />;
}

function Shown(props: { operation: Operation; advice?: ((code: string) => string) | undefined }) {
  const { operation, advice } = props;
  const ended = hasEnded(operation.state);
  return (
    <Stack gap="sm">
      {!ended && <Phase operation={operation} />}
      {operation.error && <Failed operation={operation} advice={advice?.(operation.error.code)} />}
      {operation.state === "cancelled" && (
        <Text size="sm" c="dimmed">
          {t.vm.cancelled}
        </Text>
      )}
      {operation.log.length > 0 && (
        <Output
          mah={220}
          label={t.vm.log(operation.log.length)}
          text={operation.log.map((line) => `${clock(line.at)}  ${line.text}`).join("\n")}
        />
      )}
    </Stack>
  );
}

function Phase({ operation }: { operation: Operation }) {
  const { phase, percent, state } = operation;
  const words = phase ?? (state === "queued" ? t.create.waiting : t.doing[operation.kind]);
  return (
    <Stack gap={6} role="status">
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">
          {words}
          {percent !== null && (
            <Text span c="dimmed" inherit data-numbers>
              {" "}
              {Math.round(percent)} %
            </Text>
          )}
        </Text>
        <Cancel operation={operation} />
      </Group>
      <Progress
        value={percent ?? 100}
        size="sm"
        striped={percent === null}
        animated={percent === null}
        aria-label={words}
      />
    </Stack>
  );
}

function Cancel({ operation }: { operation: Operation }) {
  const mayChange = useMay("operator");
  const cancelling = useMutation({
    mutationFn: () => cancel(operation.id),
    onError: (error) => tellFailure(error),
  });
  if (!mayChange || (operation.kind !== "create" && operation.state !== "queued")) return null;
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      color="gray"
      loading={cancelling.isPending || cancelling.isSuccess}
      onClick={() => cancelling.mutate()}
    >
      {t.vm.cancel}
    </Button>
  );
}

function Failed({ operation, advice }: { operation: Operation; advice?: string | undefined }) {
  const error = operation.error;
  if (error === null) return null;
  const told = new ApiError(error.detail, { code: error.code, status: error.status });
  return (
    <Failure
      error={told}
      title={t.overview.failed(t.kinds[operation.kind], operation.vm_name)}
      advice={advice}
    />
  );
}
