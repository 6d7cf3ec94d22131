/** Every machine with how busy it is. */
import { Badge, Box, Group, Paper, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Agent, HostLoad, ListedVm } from "@/api/wire";
import { usage } from "@/format";
import { t } from "@/strings";
import { Meter } from "@/ui/Meter";
import { State } from "@/ui/State";
import { LoadTrend } from "./LoadTrend";
import classes from "./Overview.module.css";
import { Section } from "@/ui/Section";

export function Machines(props: { machines: readonly Agent[]; vms: readonly ListedVm[] }) {
  const counts = useMemo(() => {
    const found = new Map<string | null, number>();
    for (const vm of props.vms) found.set(vm.agent_id, (found.get(vm.agent_id) ?? 0) + 1);
    return found;
  }, [props.vms]);
  return (
    <Section title={t.overview.machines}>
      <Box className={classes.machines}>
        {props.machines.map((machine) => (
          <Machine
            key={machine.agent_id}
            machine={machine}
            count={counts.get(machine.local ? null : machine.agent_id) ?? 0}
          />
        ))}
      </Box>
    </Section>
  );
}

function Machine({ machine, count }: { machine: Agent; count: number }) {
  const online = machine.status === "online";
  return (
    <Paper p="md" component="article" aria-label={machine.hostname}>
      <Stack gap="sm">
        <Stack gap={0}>
          <Group justify="space-between" wrap="nowrap">
            <Text fw={500} truncate title={machine.hostname}>
              {machine.hostname}
            </Text>
            <Group gap={8} wrap="nowrap" flex="none">
              {machine.driver?.simulated && (
                <Badge size="sm" color="gray">
                  {t.state.simulated}
                </Badge>
              )}
              {machine.driver?.problem && online ? (
                <State tone="warn" label={t.state.trouble} />
              ) : (
                <State
                  tone={online ? "good" : "bad"}
                  label={online ? t.state.online : t.state.offline}
                />
              )}
            </Group>
          </Group>
          <Group gap={6}>
            <Link to="/vms" search={{ machine: machine.agent_id }}>
              <Text size="xs" c="dimmed" td="underline">
                {t.overview.vmCount(count)}
              </Text>
            </Link>
            {machine.local && (
              <Text size="xs" c="dimmed">
                · {t.state.local}
              </Text>
            )}
          </Group>
        </Stack>
        {machine.load ? (
          <Load load={machine.load} id={machine.agent_id} faded={!online} />
        ) : (
          <Text size="sm" c="dimmed">
            {t.overview.unanswered}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}

function Load({ load, id, faded }: { load: HostLoad; id: string; faded: boolean }) {
  const [now] = load.load;
  return (
    <Stack gap={10} opacity={faded ? 0.5 : 1}>
      <LoadTrend id={id} load={now} cpus={load.cpus} />
      <Meter
        label={t.overview.memory}
        used={load.memory_used_bytes}
        total={load.memory_bytes}
        text={usage(load.memory_used_bytes, load.memory_bytes)}
      />
      <Meter
        label={t.overview.disk}
        used={load.disk_used_bytes}
        total={load.disk_bytes}
        text={usage(load.disk_used_bytes, load.disk_bytes)}
      />
    </Stack>
  );
}
