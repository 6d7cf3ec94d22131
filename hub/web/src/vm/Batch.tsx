/** What came of a command to several VMs: a line for each. */
import { Button, Group, Modal, Progress, ScrollArea, Stack, Text } from "@mantine/core";
import { useMemo } from "react";
import { sentenceOf } from "@/api/client";
import { hasEnded, useOperations } from "@/api/operations";
import { type VmCommand, vmKey } from "@/api/vms";
import type { Operation } from "@/api/wire";
import { t } from "@/strings";
import { OperationStateMark, State } from "@/ui/State";

export interface BatchItem {
  readonly command: VmCommand;
  /** Null until the hub has taken it. */
  readonly operationId: string | null;
  /** Why the hub did not take it. */
  readonly error: Error | null;
}

/** Lines shown; failures come first, so none of them is left out before the others are. */
const MOST_LINES = 300;

export function Batch({
  items,
  onClose,
}: {
  items: readonly BatchItem[] | null;
  onClose: () => void;
}) {
  const first = items?.[0];
  return (
    <Modal
      opened={items !== null}
      onClose={onClose}
      size="lg"
      title={first && t.vmActions.batchTitle(t.verbs[verbOf(first.command)], items.length)}
      styles={{ title: { fontWeight: 600 } }}
    >
      {items && <Lines items={items} onClose={onClose} />}
    </Modal>
  );
}

function verbOf({ verb, purge }: VmCommand): keyof typeof t.verbs {
  return purge === true ? "purge" : verb;
}

function Lines({ items, onClose }: { items: readonly BatchItem[]; onClose: () => void }) {
  const operations = useOperations().data;
  const lines = useMemo(() => {
    const byId = new Map((operations ?? []).map((operation) => [operation.id, operation]));
    return items.map((item) =>
      lineOf(item, item.operationId ? byId.get(item.operationId) : undefined),
    );
  }, [items, operations]);
  const ended = lines.filter((line) => line.ended).length;
  const failed = lines.filter((line) => line.failed).length;
  const shown = lines.toSorted((one, other) => Number(other.failed) - Number(one.failed));
  return (
    <Stack gap="sm">
      <Progress.Root size="sm" aria-label={t.vmActions.batchSummary(ended, items.length)}>
        <Progress.Section value={(100 * (ended - failed)) / items.length} color="green" />
        <Progress.Section value={(100 * failed) / items.length} color="red" />
      </Progress.Root>
      <Text size="sm" role="status">
        {t.vmActions.batchSummary(ended, items.length)}
        {failed > 0 && ` · ${t.vmActions.batchFailed(failed)}`}
      </Text>
      <ScrollArea.Autosize mah={360} type="auto">
        <Stack gap={6}>
          {shown.slice(0, MOST_LINES).map(({ item, operation, error }) => (
            <Stack key={vmKey(item.command.vm)} gap={0}>
              <Group justify="space-between" wrap="nowrap">
                <Text size="sm" truncate>
                  {item.command.vm.name}
                </Text>
                {item.error ? (
                  <OperationStateMark state="failed" />
                ) : operation ? (
                  <OperationStateMark state={operation.state} />
                ) : (
                  <State tone="busy" label={t.vmActions.asking} passing />
                )}
              </Group>
              {error && (
                <Text size="xs" c="dimmed">
                  {error}
                </Text>
              )}
            </Stack>
          ))}
        </Stack>
      </ScrollArea.Autosize>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          {ended === items.length ? t.actions.close : t.vmActions.batchClose}
        </Button>
      </Group>
    </Stack>
  );
}

function lineOf(item: BatchItem, operation: Operation | undefined) {
  const failed = item.error !== null || operation?.state === "failed";
  return {
    item,
    operation,
    failed,
    ended: item.error !== null || (operation !== undefined && hasEnded(operation.state)),
    error: item.error ? sentenceOf(item.error) : (operation?.error?.detail ?? null),
  };
}
