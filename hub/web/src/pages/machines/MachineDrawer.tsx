/** One machine: what is known of it, and what an administrator can change. */
import { Alert, Drawer, Group, Stack } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMay } from "@/api/session";
import type { Agent } from "@/api/wire";
import { usage } from "@/format";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { CopyText } from "@/ui/CopyText";
import { Facts } from "@/ui/Facts";
import { LinkButton } from "@/ui/LinkButton";
import { MachineState, Version } from "./columns";
import { Describe } from "./Describe";
import { Keys } from "./Keys";
import { Remove } from "./Remove";

export function MachineDrawer(props: { machine: Agent | undefined; onClose: () => void }) {
  const { machine, onClose } = props;
  const mayManage = useMay("admin");
  return (
    <Drawer opened={machine !== undefined} onClose={onClose} title={machine?.hostname}>
      {machine && (
        <Stack gap="xl">
          <About machine={machine} />
          {mayManage && (
            <>
              <Describe key={machine.agent_id} machine={machine} />
              <Keys machine={machine} />
              <Remove machine={machine} onDone={onClose} />
            </>
          )}
        </Stack>
      )}
    </Drawer>
  );
}

function About({ machine }: { machine: Agent }) {
  const { driver, load } = machine;
  return (
    <Stack gap="sm">
      {driver?.problem && (
        <Alert color="orange" icon={<IconAlertTriangle size={18} />} title={t.machines.problem}>
          {driver.problem}
        </Alert>
      )}
      <Facts
        facts={[
          [t.machines.status, <MachineState key="state" machine={machine} />],
          [t.machines.seen, <Age key="seen" at={machine.last_seen} />],
          [t.machines.id, <CopyText key="id" value={machine.agent_id} />],
          [t.machines.connection, t.machines[`${machine.connection}Hint`]],
          [
            t.machines.address,
            machine.connection === "direct" ? (
              <CopyText key="address" value={machine.api_url} />
            ) : null,
          ],
          [t.machines.version, <Version key="version" machine={machine} />],
          [t.machines.driver, driver && driverOf(driver)],
          [t.machines.load, load && `${load.load.map((one) => one.toFixed(2)).join(" · ")}`],
          [t.machines.memory, load && usage(load.memory_used_bytes, load.memory_bytes)],
          [t.machines.disk, load && usage(load.disk_used_bytes, load.disk_bytes)],
          [t.machines.features, machine.features.join(", ") || null],
        ]}
      />
      <Group>
        <LinkButton to="/vms" search={{ machine: machine.agent_id }} size="xs" variant="default">
          {`${t.machines.showVms} (${machine.vm_count})`}
        </LinkButton>
      </Group>
    </Stack>
  );
}

function driverOf(driver: NonNullable<Agent["driver"]>): string {
  const name = [driver.name, driver.version, driver.hypervisor].filter(Boolean).join(" · ");
  return driver.simulated ? `${name} (${t.machines.simulated})` : name;
}
