/** One VM: what it is, what can be done to it, what was done. */
import { Alert, Box, Button, Group, Menu, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconBoxOff, IconChevronDown, IconServerOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { hubNow } from "@/api/clock";
import { useMachines } from "@/api/machines";
import { useMay, useMayUseTerminals } from "@/api/session";
import { findVm, useVms, type VmRef, vmKey, vmQuery } from "@/api/vms";
import type { Agent, ListedVm } from "@/api/wire";
import { ago, time } from "@/format";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { useVmActions } from "@/vm/VmActions";
import { ACTION_ICONS, actionsOf, VmMenuItems } from "@/vm/VmMenu";
import { useUnderWay } from "@/vm/operations";
import { VmState } from "@/vm/VmState";
import { Exec } from "./Exec";
import { Facts } from "./Facts";
import { History } from "./History";
import { Terminals } from "./Terminals";
import classes from "./VmPage.module.css";

export function VmPage() {
  const { name } = useParams({ from: "/inside/vms/$name" });
  const { agent } = useSearch({ from: "/inside/vms/$name" });
  const vms = useVms();
  const ref = { name, agent_id: agent ?? null };
  const vm = findVm(vms.data, ref) ?? (agent === undefined ? onlyOne(vms.data, name) : undefined);
  if (vm) return <Shown vm={vm} />;
  return (
    <Page title={name}>
      {vms.error && <Failure error={vms.error} onRetry={() => void vms.refetch()} />}
      {vms.data && <Gone vm={ref} />}
      {vms.isPending && <Skeleton h={320} />}
    </Page>
  );
}

/** As the hub has it: a name without a machine is this hub's own VM, else the only one in the fleet. */
function onlyOne(vms: readonly ListedVm[] | undefined, name: string): ListedVm | undefined {
  const [first, ...others] = vms?.filter((vm) => vm.name === name) ?? [];
  return others.length === 0 ? first : undefined;
}

function Shown({ vm }: { vm: ListedVm }) {
  const machine = useMachines().data?.find((each) =>
    vm.agent_id === null ? each.local : each.agent_id === vm.agent_id,
  );
  const offline = machine?.status === "offline";
  const details = useQuery({
    ...vmQuery({ name: vm.name, agent_id: vm.agent_id }),
    enabled: !offline,
  });
  const underWay = useUnderWay().get(vmKey(vm));
  const { asking } = useVmActions();
  const mayUseTerminals = useMayUseTerminals();
  const heading = (
    <Stack gap={4}>
      <Text size="xs" c="dimmed" component={Link} to="/vms">
        ← {t.vm.back}
      </Text>
      <Group gap="md">
        <Title order={1} style={{ overflowWrap: "anywhere" }}>
          {vm.name}
        </Title>
        <VmState vm={vm} operation={underWay} asking={asking.has(vmKey(vm))} />
      </Group>
    </Stack>
  );
  return (
    <Page title={vm.name} heading={heading} actions={!offline && <Actions vm={vm} />}>
      {offline && <Stale machine={machine} />}
      {details.error && !offline && (
        <Failure
          title={t.vm.askFailed}
          error={details.error}
          onRetry={() => void details.refetch()}
        />
      )}
      <Box className={classes.columns}>
        <Facts vm={vm} details={offline ? undefined : details.data} machine={machine} />
        <Stack gap="lg" miw={0}>
          {mayUseTerminals && <Terminals vm={vm} />}
          {mayUseTerminals && <Exec vm={vm} />}
          <History vm={vm} />
        </Stack>
      </Box>
    </Page>
  );
}

/** The likeliest as buttons, the rest in a menu. */
function Actions({ vm }: { vm: ListedVm }) {
  const mayChange = useMay("operator");
  const { act } = useVmActions();
  if (!mayChange) return null;
  const [first, ...others] = actionsOf(vm);
  if (!first) return null;
  const Picture = ACTION_ICONS[first];
  return (
    <>
      <Button
        variant={first === "start" ? "filled" : "default"}
        leftSection={<Picture size={16} stroke={1.6} />}
        onClick={() => act(first, [vm])}
      >
        {t.verbs[first]}
      </Button>
      {others.length > 0 && (
        <Menu>
          <Menu.Target>
            <Button variant="default" rightSection={<IconChevronDown size={15} />}>
              {t.actions.more}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <VmMenuItems vm={vm} actions={others} />
          </Menu.Dropdown>
        </Menu>
      )}
    </>
  );
}

function Stale({ machine }: { machine: Agent }) {
  const seen = ago((hubNow() - time(machine.last_seen)) / 1000);
  return (
    <Alert
      color="orange"
      icon={<IconServerOff size={18} />}
      title={t.vm.staleTitle(machine.hostname)}
    >
      {t.vm.stale(seen)}
    </Alert>
  );
}

/** A VM that is not there (any more); what was done to it still tells why. */
function Gone({ vm }: { vm: VmRef }) {
  return (
    <Stack gap="lg">
      <Nothing
        icon={IconBoxOff}
        title={t.vm.goneTitle}
        action={
          <Button component={Link} to="/vms" variant="default">
            {t.vm.back}
          </Button>
        }
      >
        {t.vm.gone}
      </Nothing>
      <History vm={vm} />
    </Stack>
  );
}
