/** What the address bar says about the table of VMs: filters, order, columns. */
import type { VmState } from "@/api/wire";
import { VM_STATES } from "@/model/vmState";

export const COLUMNS = [
  "name",
  "state",
  "machine",
  "ipv4",
  "release",
  "cpus",
  "memory",
  "disk",
  "age",
  "tags",
] as const;
export type Column = (typeof COLUMNS)[number];

/** Shown unless the address says otherwise. */
export const USUAL: readonly Column[] = [
  "name",
  "state",
  "machine",
  "ipv4",
  "release",
  "cpus",
  "memory",
  "age",
];

export interface VmsSearch {
  q?: string | undefined;
  state?: readonly VmState[] | undefined;
  /** The id of an agent. */
  machine?: string | undefined;
  /** `name=value`, as the machine's tags say. */
  tag?: string | undefined;
  /** A column, with `-` before it from the last to the first. */
  sort?: string | undefined;
  columns?: readonly Column[] | undefined;
}

export interface Order {
  readonly column: Column;
  readonly descending: boolean;
}

export function parseVmsSearch(search: Record<string, unknown>): VmsSearch {
  const text = (given: unknown) => (typeof given === "string" && given !== "" ? given : undefined);
  const sort = text(search.sort);
  return {
    q: typeof search.q === "number" ? String(search.q) : text(search.q),
    state: known(VM_STATES, search.state),
    machine: text(search.machine),
    tag: text(search.tag),
    sort: sort && orderOf(sort) ? sort : undefined,
    columns: known(COLUMNS, search.columns),
  };
}

export function orderOf(sort: string | undefined): Order | undefined {
  const column = COLUMNS.find((each) => each === sort?.replace(/^-/, ""));
  return column && { column, descending: sort?.startsWith("-") ?? false };
}

/** The order after a click on a column: from the first, from the last, as before. */
export function nextSort(sort: string | undefined, column: Column): string | undefined {
  if (sort === column) return `-${column}`;
  return sort === `-${column}` ? undefined : column;
}

function known<Value extends string>(all: readonly Value[], given: unknown): Value[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const found = all.filter((value) => given.includes(value));
  return found.length > 0 ? found : undefined;
}
