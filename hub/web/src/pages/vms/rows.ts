/** Which VMs the table shows, and in which order; no I/O, and quick enough for ten thousand at each keystroke. */
import type { Agent, ListedVm } from "@/api/wire";
import { VM_STATES } from "@/model/vmState";
import type { Column, Order, VmsSearch } from "./search";

export interface Row {
  readonly vm: ListedVm;
  readonly machine: Agent | undefined;
}

const sought = new WeakMap<ListedVm, string>();

export function rowsOf(vms: readonly ListedVm[], machines: readonly Agent[]): Row[] {
  const byId = new Map(
    machines.map((machine) => [machine.local ? null : machine.agent_id, machine]),
  );
  return vms.map((vm) => ({ vm, machine: byId.get(vm.agent_id) }));
}

export function filtered(rows: readonly Row[], asked: VmsSearch): readonly Row[] {
  const words = asked.q?.toLowerCase().split(/\s+/).filter(Boolean) ?? [];
  const states = asked.state && new Set<string>(asked.state);
  if (words.length === 0 && !states && !asked.machine && !asked.tag) return rows;
  return rows.filter(
    ({ vm, machine }) =>
      (!states || states.has(vm.state)) &&
      (!asked.machine || machine?.agent_id === asked.machine) &&
      (!asked.tag || (machine !== undefined && tagsOf(machine).includes(asked.tag))) &&
      words.every((word) => textOf(vm).includes(word)),
  );
}

export function sorted(rows: readonly Row[], order: Order | undefined): readonly Row[] {
  const { column, descending } = order ?? { column: "name", descending: false };
  const value = VALUES[column];
  const sign = descending ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: value(row) }));
  keyed.sort((one, other) => sign * compare(one.key, other.key) || byName(one.row, other.row));
  return keyed.map(({ row }) => row);
}

/** The tags of a machine as people ask for them, `name=value`. */
export function tagsOf(machine: Agent): string[] {
  return Object.entries(machine.tags).map(([name, value]) => `${name}=${value}`);
}

type Value = string | number | null;

const VALUES: Record<Column, (row: Row) => Value> = {
  name: ({ vm }) => vm.name,
  state: ({ vm }) => VM_STATES.indexOf(vm.state),
  machine: ({ vm }) => vm.agent_hostname,
  ipv4: ({ vm }) => addressValue(vm.ipv4[0]),
  release: ({ vm }) => vm.release || null,
  cpus: ({ vm }) => vm.cpus,
  memory: ({ vm }) => vm.memory_bytes,
  disk: ({ vm }) => vm.disk_bytes,
  age: ({ vm }) => vm.created_at && -Date.parse(vm.created_at),
  tags: ({ machine }) => (machine && tagsOf(machine).join()) || null,
};

const NAMES = new Intl.Collator("en", { numeric: true });

function compare(one: Value, other: Value): number {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  if (typeof one === "number" && typeof other === "number") return one - other;
  return NAMES.compare(String(one), String(other));
}

function byName(one: Row, other: Row): number {
  return NAMES.compare(one.vm.name, other.vm.name);
}

/** IPv4 addresses in the order of their numbers. */
function addressValue(address: string | undefined): number | null {
  if (!address) return null;
  return address.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}

function textOf(vm: ListedVm): string {
  let text = sought.get(vm);
  if (text === undefined) {
    text = [vm.name, vm.id, vm.release, vm.agent_hostname, vm.agent_id ?? "", ...vm.ipv4]
      .join("\n")
      .toLowerCase();
    sought.set(vm, text);
  }
  return text;
}
