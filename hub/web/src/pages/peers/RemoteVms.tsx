/** The VMs of another hub. */
import { Alert, Button, Drawer, Stack, Text } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { remoteVmsQuery, startRemoteVm, stopRemoteVm } from "@/api/peers";
import { useMay } from "@/api/session";
import type { Peer, VmResource } from "@/api/wire";
import { ago } from "@/format";
import { meaningOf } from "@/model/vmState";
import { t } from "@/strings";
import { CopyText } from "@/ui/CopyText";
import { type Column, DataTable, Lines } from "@/ui/DataTable";
import { tellFailure } from "@/ui/Failure";
import { VmStateMark } from "@/ui/State";

const COLUMNS: Column<VmResource>[] = [
  {
    key: "name",
    title: t.peers.vm,
    grows: true,
    cell: (vm) => <Lines first={vm.name} second={vm.agent_hostname} />,
  },
  { key: "state", title: t.peers.vmState, cell: (vm) => <VmStateMark state={vm.state} /> },
  {
    key: "ipv4",
    title: t.peers.ipv4,
    wide: true,
    cell: ({ ipv4: [first] }) => (first === undefined ? "–" : <CopyText value={first} />),
  },
];

export function RemoteVms({ peer, onClose }: { peer: Peer | null; onClose: () => void }) {
  return (
    <Drawer
      opened={peer !== null}
      onClose={onClose}
      size="xl"
      title={peer && t.peers.vmsOf(peer.name)}
    >
      {peer && <Content peer={peer} />}
    </Drawer>
  );
}

function Content({ peer }: { peer: Peer }) {
  const vms = useQuery(remoteVmsQuery(peer.id));
  const mayChange = useMay("operator");
  const answers = vms.data?.status === "online";
  return (
    <Stack gap="md">
      {vms.data && !answers && (
        <Alert color="orange" icon={<IconPlugConnectedX size={18} />}>
          {t.peers.staleVms(ago(vms.data.stale_s))}
        </Alert>
      )}
      <DataTable
        label={t.peers.vmsOf(peer.name)}
        rows={vms.data?.vms}
        error={vms.error}
        onRetry={() => void vms.refetch()}
        keyOf={(vm) => vm.id}
        columns={COLUMNS}
        empty={
          <Text size="sm" c="dimmed" p="md">
            {t.peers.noVms}
          </Text>
        }
        actions={answers && mayChange ? (vm) => <Power peer={peer} vm={vm} /> : undefined}
      />
    </Stack>
  );
}

function Power({ peer, vm }: { peer: Peer; vm: VmResource }) {
  const queries = useQueryClient();
  const { verbs } = meaningOf(vm.state);
  const starts = verbs.includes("start");
  const acting = useMutation({
    mutationFn: () => (starts ? startRemoteVm : stopRemoteVm)(peer.id, vm.id),
    onError: (error) => tellFailure(error),
    onSettled: () => queries.invalidateQueries({ queryKey: keys.remoteVms(peer.id) }),
  });
  if (!starts && !verbs.includes("stop")) return null;
  return (
    <Button size="xs" variant="subtle" loading={acting.isPending} onClick={() => acting.mutate()}>
      {starts ? t.peers.startVm : t.peers.stopVm}
    </Button>
  );
}
