/** What each column shows of a VM. */
import { Badge, Group, Text, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import { hubNow } from "@/api/clock";
import type { Operation } from "@/api/wire";
import { ago, brief, bytes, moment, time } from "@/format";
import { t } from "@/strings";
import { CopyText } from "@/ui/CopyText";
import { VmLink } from "@/vm/VmLink";
import { VmState } from "@/vm/VmState";
import classes from "./VmTable.module.css";
import { type Row, tagsOf } from "./rows";
import type { Column } from "./search";

export interface Shown extends Row {
  readonly operation: Operation | undefined;
  readonly asking: boolean;
}

/** The least width in pixels, and the share of what is left. */
export const WIDTHS: Record<Column, readonly [number, number]> = {
  name: [170, 2.2],
  state: [150, 1.2],
  machine: [120, 1.2],
  ipv4: [160, 1],
  release: [150, 1.2],
  cpus: [64, 0],
  memory: [88, 0],
  disk: [88, 0],
  age: [76, 0],
  tags: [150, 1.4],
};

export const RIGHT = new Set<Column>(["cpus", "memory", "disk", "age"]);

export const CELLS: Record<Column, (shown: Shown) => ReactNode> = {
  name: ({ vm }) => <VmLink vm={vm} />,
  state: (shown) => <StateCell {...shown} />,
  machine: ({ vm }) => <Plain>{vm.agent_hostname}</Plain>,
  ipv4: ({ vm }) => <Addresses addresses={vm.ipv4} />,
  release: ({ vm }) => <Plain>{vm.release}</Plain>,
  cpus: ({ vm }) => <Plain>{vm.cpus ?? "–"}</Plain>,
  memory: ({ vm }) => <Plain>{bytes(vm.memory_bytes)}</Plain>,
  disk: ({ vm }) => <Plain>{bytes(vm.disk_bytes)}</Plain>,
  age: ({ vm }) => <AgeCell at={vm.created_at} />,
  tags: ({ machine }) => <Tags tags={machine ? tagsOf(machine) : []} />,
};

function Plain({ children, title }: { children: ReactNode; title?: string }) {
  return (
    <span className={classes.plain} title={title}>
      {children}
    </span>
  );
}

/** What an offline machine's VMs do is what they did when it was last heard. */
function StateCell({ vm, machine, operation, asking }: Shown) {
  const state = <VmState vm={vm} operation={operation} asking={asking} />;
  if (!machine || machine.status === "online") return state;
  const seen = ago((hubNow() - time(machine.last_seen)) / 1000);
  return (
    <Tooltip label={t.vms.seen(seen)}>
      <Group gap={6} wrap="nowrap" component="span">
        {state}
        <Text size="xs" c="dimmed" truncate>
          {seen}
        </Text>
      </Group>
    </Tooltip>
  );
}

function Addresses({ addresses }: { addresses: readonly string[] }) {
  const [first, ...others] = addresses;
  if (first === undefined) return <Plain>–</Plain>;
  return (
    <>
      <CopyText value={first} />
      {others.length > 0 && <Plain title={others.join(", ")}>{t.vms.more(others.length)}</Plain>}
    </>
  );
}

function AgeCell({ at }: { at: string | null }) {
  if (at === null) return <Plain>–</Plain>;
  return <Plain title={moment(at)}>{brief((hubNow() - time(at)) / 1000)}</Plain>;
}

function Tags({ tags }: { tags: readonly string[] }) {
  return (
    <Group gap={4} wrap="nowrap" style={{ overflow: "hidden" }}>
      {tags.map((tag) => (
        <Badge key={tag} size="sm" color="gray">
          {tag}
        </Badge>
      ))}
    </Group>
  );
}
