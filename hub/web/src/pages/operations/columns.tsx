import { Text, UnstyledButton } from "@mantine/core";
import { hasEnded } from "@/api/operations";
import type { Operation } from "@/api/wire";
import { duration, time } from "@/format";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { type Column, Lines } from "@/ui/DataTable";
import { OperationStateMark } from "@/ui/State";

export function columnsOf(onOpen: (operation: Operation) => void): Column<Operation>[] {
  return [
    {
      key: "what",
      title: t.operations.what,
      grows: true,
      cell: (operation) => {
        const what = `${t.kinds[operation.kind]} ${operation.vm_name}`;
        return (
          <UnstyledButton
            onClick={(event) => {
              event.stopPropagation();
              onOpen(operation);
            }}
          >
            <Lines first={what} second={operation.error?.detail ?? operation.agent_hostname} />
          </UnstyledButton>
        );
      },
    },
    {
      key: "state",
      title: t.operations.state,
      cell: (operation) => <State operation={operation} />,
    },
    { key: "by", title: t.operations.by, wide: true, cell: (one) => one.requested_by || "–" },
    { key: "took", title: t.operations.took, wide: true, cell: tookOf },
    { key: "when", title: t.operations.when, cell: (one) => <Age at={one.created_at} /> },
  ];
}

function State({ operation }: { operation: Operation }) {
  const { state, phase, percent } = operation;
  return (
    <>
      <OperationStateMark state={state} />
      {!hasEnded(state) && phase && (
        <Text size="xs" c="dimmed">
          {percent === null ? phase : `${phase}, ${Math.round(percent)} %`}
        </Text>
      )}
    </>
  );
}

function tookOf({ started_at: from, ended_at: to }: Operation): string {
  return from && to ? duration((time(to) - time(from)) / 1000) : "–";
}
