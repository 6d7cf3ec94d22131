/** The machines that VMs run on: how they are, and how one joins. */
import { Button } from "@mantine/core";
import { IconPlus, IconServerOff } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMachinesWithLoad } from "@/api/machines";
import { useMay } from "@/api/session";
import { t } from "@/strings";
import { DataTable } from "@/ui/DataTable";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { AddMachine } from "./AddMachine";
import { columnsOf } from "./columns";
import { Invitations } from "./Invitations";
import { MachineDrawer } from "./MachineDrawer";
import { WaitingRoom } from "./WaitingRoom";

export function MachinesPage() {
  const { id, add: adding } = useSearch({ from: "/inside/machines" });
  const navigate = useNavigate({ from: "/machines" });
  const machines = useMachinesWithLoad();
  const mayManage = useMay("admin");
  const show = (shown: string | undefined) =>
    void navigate({ search: { id: shown }, replace: true });
  const setAdding = (add: boolean) =>
    void navigate({ search: { add: add || undefined }, replace: true });
  const add = mayManage && (
    <Button leftSection={<IconPlus size={16} stroke={1.6} />} onClick={() => setAdding(true)}>
      {t.machines.add}
    </Button>
  );
  const joined = machines.data?.filter((machine) => machine.status !== "waiting");
  const waiting = machines.data?.filter((machine) => machine.status === "waiting") ?? [];
  return (
    <Page title={t.machines.title} lead={t.machines.lead} actions={add}>
      {mayManage && <WaitingRoom machines={waiting} />}
      <DataTable
        label={t.machines.title}
        rows={joined}
        error={machines.error}
        onRetry={() => void machines.refetch()}
        keyOf={(machine) => machine.agent_id}
        columns={columnsOf((machine) => show(machine.agent_id))}
        onOpen={(machine) => show(machine.agent_id)}
        empty={
          <Nothing icon={IconServerOff} title={t.machines.emptyTitle} action={add}>
            {t.machines.empty}
          </Nothing>
        }
      />
      {mayManage && <Invitations />}
      <AddMachine opened={mayManage && adding === true} onClose={() => setAdding(false)} />
      <MachineDrawer
        machine={machines.data?.find((machine) => machine.agent_id === id)}
        onClose={() => show(undefined)}
      />
    </Page>
  );
}
