/** All VMs of all machines in one table. */
import { Button, Skeleton, Stack } from "@mantine/core";
import { useDebouncedCallback, useMediaQuery } from "@mantine/hooks";
import { IconFilterOff, IconPlus, IconServer2 } from "@tabler/icons-react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useDeferredValue, useMemo, useState } from "react";
import { useMachines } from "@/api/machines";
import { useMay } from "@/api/session";
import { useVms, vmKey } from "@/api/vms";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { useVmActions } from "@/vm/VmActions";
import { NoMachine } from "@/vm/NoMachine";
import { useUnderWay } from "@/vm/operations";
import { Filters } from "./Filters";
import { filtered, rowsOf, sorted } from "./rows";
import { Selection } from "./Selection";
import { type Column, nextSort, orderOf, USUAL, type VmsSearch } from "./search";
import { VmTable } from "./VmTable";
import classes from "./VmsPage.module.css";

const NARROW = "(max-width: 48em)";
/** The address follows the typing at this distance. */
const ADDRESS_MS = 250;

export function VmsPage() {
  const vms = useVms();
  const machines = useMachines();
  const mayChange = useMay("operator");
  const all = vms.data;
  const actions = mayChange && (
    <Button component={Link} to="/create" leftSection={<IconPlus size={16} />}>
      {t.vms.create}
    </Button>
  );
  if (vms.error && !all) {
    return (
      <Page title={t.vms.title}>
        <Failure error={vms.error} onRetry={() => void vms.refetch()} />
      </Page>
    );
  }
  if (!all || !machines.data) {
    return (
      <Page title={t.vms.title} actions={actions}>
        <Loading />
      </Page>
    );
  }
  if (all.length === 0) {
    return (
      <Page title={t.vms.title}>
        <NoVms machines={machines.data.length} action={actions} />
      </Page>
    );
  }
  return <Vms actions={actions} />;
}

function Vms({ actions }: { actions: React.ReactNode }) {
  const search = useSearch({ from: "/inside/vms" });
  const navigate = useNavigate({ from: "/vms" });
  const vms = useVms().data;
  const machines = useMachines().data;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [query, setQuery] = useState(search.q ?? "");
  const sought = useDeferredValue(query);
  const narrow = useMediaQuery(NARROW, false, { getInitialValueInEffect: false });
  const underWay = useUnderWay();
  const { asking } = useVmActions();

  const change = (news: Partial<VmsSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...news }), replace: true });
  const noteQuery = useDebouncedCallback((q: string) => change({ q: q || undefined }), ADDRESS_MS);
  const order = useMemo(() => orderOf(search.sort), [search.sort]);
  // Sorted before it is filtered: a keystroke then costs the filter only.
  const rows = useMemo(
    () => sorted(rowsOf(vms ?? [], machines ?? []), order),
    [vms, machines, order],
  );
  const { state, machine, tag } = search;
  const shown = useMemo(
    () => filtered(rows, { state, machine, tag, q: sought }),
    [rows, state, machine, tag, sought],
  );
  const chosen = useMemo(
    () =>
      selected.size === 0 ? [] : shown.map(({ vm }) => vm).filter((vm) => selected.has(vmKey(vm))),
    [shown, selected],
  );
  const sort = useCallback(
    (column: Column) =>
      void navigate({
        search: (before) => ({ ...before, sort: nextSort(before.sort, column) }),
        replace: true,
      }),
    [navigate],
  );
  return (
    <Page title={t.vms.title} lead={t.vms.count(shown.length, rows.length)} actions={actions} fills>
      <div className={classes.content}>
        <Filters
          search={search}
          query={query}
          machines={machines ?? []}
          onChange={change}
          onQuery={(q) => {
            setQuery(q);
            noteQuery(q);
          }}
        />
        {shown.length > 0 ? (
          <VmTable
            rows={shown}
            columns={search.columns ?? USUAL}
            narrow={narrow}
            order={order}
            onSort={sort}
            selected={selected}
            onSelect={setSelected}
            underWay={underWay}
            asking={asking}
          />
        ) : (
          <Nothing icon={IconFilterOff} title={t.vms.noMatchTitle}>
            {t.vms.noMatch}
          </Nothing>
        )}
        {chosen.length > 0 && <Selection vms={chosen} onClear={() => setSelected(new Set())} />}
      </div>
    </Page>
  );
}

function NoVms({ machines, action }: { machines: number; action: React.ReactNode }) {
  if (machines === 0) return <NoMachine />;
  return (
    <Nothing icon={IconServer2} title={t.vms.noneTitle} action={action}>
      {t.vms.none}
    </Nothing>
  );
}

function Loading() {
  return (
    <Stack gap={6}>
      <Skeleton h={34} w={380} maw="100%" />
      {Array.from({ length: 12 }, (_, row) => (
        <Skeleton key={row} h={36} />
      ))}
    </Stack>
  );
}
