/** What was asked of VMs, who asked, and how it went. */
import { Drawer, Group, Select, Stack, TextInput } from "@mantine/core";
import { IconFilterOff, IconListCheck, IconSearch } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useOperations } from "@/api/operations";
import type { Operation } from "@/api/wire";
import { moment } from "@/format";
import { t } from "@/strings";
import { CopyText } from "@/ui/CopyText";
import { DataTable } from "@/ui/DataTable";
import { Facts } from "@/ui/Facts";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { OperationStateMark } from "@/ui/State";
import { OperationProgress } from "@/vm/OperationProgress";
import { VmLink } from "@/vm/VmLink";
import { columnsOf } from "./columns";
import { KINDS, matching, type OperationsSearch, STATES } from "./search";

export function OperationsPage() {
  const search = useSearch({ from: "/inside/operations" });
  const navigate = useNavigate({ from: "/operations" });
  const operations = useOperations();
  const change = (news: Partial<OperationsSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...news }), replace: true });
  const open = (operation: Operation) => change({ id: operation.id });
  return (
    <Page title={t.operations.title} lead={t.operations.lead}>
      <Filters search={search} onChange={change} />
      <DataTable
        label={t.operations.title}
        rows={operations.data && matching(operations.data, search)}
        error={operations.error}
        onRetry={() => void operations.refetch()}
        keyOf={(operation) => operation.id}
        columns={columnsOf(open)}
        onOpen={open}
        empty={
          operations.data?.length === 0 ? (
            <Nothing icon={IconListCheck} title={t.operations.emptyTitle}>
              {t.operations.empty}
            </Nothing>
          ) : (
            <Nothing icon={IconFilterOff} title={t.operations.noMatchTitle}>
              {t.operations.noMatch}
            </Nothing>
          )
        }
      />
      <Details
        operation={operations.data?.find((operation) => operation.id === search.id)}
        onClose={() => change({ id: undefined })}
      />
    </Page>
  );
}

function Filters(props: {
  search: OperationsSearch;
  onChange: (change: Partial<OperationsSearch>) => void;
}) {
  const { search, onChange } = props;
  return (
    <Group gap="xs">
      <TextInput
        flex="1 1 220px"
        maw={340}
        aria-label={t.operations.search}
        placeholder={t.operations.search}
        leftSection={<IconSearch size={16} stroke={1.6} />}
        value={search.q ?? ""}
        onChange={(event) => onChange({ q: event.currentTarget.value || undefined })}
      />
      <Select
        w={150}
        aria-label={t.operations.state}
        placeholder={t.operations.anyState}
        clearable
        data={STATES.map((value) => ({ value, label: t.operations.states[value] }))}
        value={search.state ?? null}
        onChange={(state) => onChange({ state: STATES.find((each) => each === state) })}
      />
      <Select
        w={160}
        aria-label={t.operations.what}
        placeholder={t.operations.anyKind}
        clearable
        data={KINDS.map((value) => ({ value, label: t.kinds[value] }))}
        value={search.kind ?? null}
        onChange={(kind) => onChange({ kind: KINDS.find((each) => each === kind) })}
      />
    </Group>
  );
}

function Details(props: { operation: Operation | undefined; onClose: () => void }) {
  const { operation, onClose } = props;
  return (
    <Drawer
      opened={operation !== undefined}
      onClose={onClose}
      title={operation && `${t.kinds[operation.kind]} ${operation.vm_name}`}
    >
      {operation && (
        <Stack gap="md">
          <About operation={operation} />
          <OperationProgress id={operation.id} />
        </Stack>
      )}
    </Drawer>
  );
}

function About({ operation }: { operation: Operation }) {
  const vm = { name: operation.vm_name, agent_id: operation.agent_id };
  return (
    <Facts
      facts={[
        [t.operations.state, <OperationStateMark key="state" state={operation.state} />],
        [t.operations.vm, <VmLink key="vm" vm={vm} />],
        [t.operations.machine, operation.agent_hostname],
        [t.operations.by, operation.requested_by || null],
        [t.operations.asked, moment(operation.created_at)],
        [t.operations.started, operation.started_at && moment(operation.started_at)],
        [t.operations.ended, operation.ended_at && moment(operation.ended_at)],
        [t.operations.id, <CopyText key="id" value={operation.id} />],
      ]}
    />
  );
}
