import { Badge, Group, Progress, Text, Tooltip, UnstyledButton } from "@mantine/core";
import type { Agent, HostLoad } from "@/api/wire";
import { percent } from "@/format";
import { machineStateOf } from "@/model/machineState";
import { tagTexts } from "@/model/permissions";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { type Column, Lines } from "@/ui/DataTable";
import { State } from "@/ui/State";
import classes from "./Machines.module.css";

export function columnsOf(onOpen: (machine: Agent) => void): Column<Agent>[] {
  return [
    {
      key: "name",
      title: t.machines.name,
      grows: true,
      cell: (machine) => (
        <UnstyledButton
          onClick={(event) => {
            event.stopPropagation();
            onOpen(machine);
          }}
        >
          <Lines first={machine.hostname} second={<Second machine={machine} />} />
        </UnstyledButton>
      ),
    },
    { key: "state", title: t.machines.status, cell: (one) => <MachineState machine={one} /> },
    {
      key: "vms",
      title: t.machines.vms,
      wide: true,
      cell: (machine) => machine.vm_count,
    },
    {
      key: "load",
      title: t.machines.load,
      wide: true,
      cell: ({ load, status }) => <Load load={status === "online" ? load : null} />,
    },
    {
      key: "connection",
      title: t.machines.connection,
      wide: true,
      cell: ({ connection }) => (
        <Tooltip label={t.machines[`${connection}Hint`]}>
          <Text size="sm">{t.machines[connection]}</Text>
        </Tooltip>
      ),
    },
    {
      key: "version",
      title: t.machines.version,
      wide: true,
      cell: (machine) => <Version machine={machine} />,
    },
    { key: "seen", title: t.machines.seen, cell: (machine) => <Age at={machine.last_seen} /> },
  ];
}

export function Version({ machine: { version, skew } }: { machine: Agent }) {
  if (skew == null) {
    return version ?? "–";
  }
  return (
    <Tooltip label={t.machines[`${skew}Hint`]}>
      <Text size="sm" c="orange">
        {version} · {t.machines[skew]}
      </Text>
    </Tooltip>
  );
}

export function MachineState({ machine }: { machine: Agent }) {
  const { tone, label } = machineStateOf(machine);
  return (
    <State
      tone={tone}
      label={label}
      passing={tone === "busy"}
      title={machine.driver?.problem ?? undefined}
    />
  );
}

function Second({ machine }: { machine: Agent }) {
  return (
    <Group gap={6} component="span">
      {machine.local ? t.state.local : machine.agent_id}
      {machine.driver?.simulated && (
        <Badge size="xs" color="gray" component="span">
          {t.state.simulated}
        </Badge>
      )}
      {tagTexts(machine.tags).map((tag) => (
        <Badge key={tag} size="xs" component="span">
          {tag}
        </Badge>
      ))}
    </Group>
  );
}

/** Load per CPU, as a bar: full is as much as it can do at once. */
function Load({ load }: { load: HostLoad | null }) {
  if (load === null) return "–";
  const [minute] = load.load;
  return (
    <Group gap={8} wrap="nowrap">
      <Progress
        value={percent(minute, load.cpus)}
        size="sm"
        className={classes.load}
        color={minute > load.cpus ? "orange" : "brand"}
        aria-label={t.machines.load}
      />
      <Text size="xs" c="dimmed">
        {minute.toFixed(1)}
      </Text>
    </Group>
  );
}
