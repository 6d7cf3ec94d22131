/** What events change in the lists that were fetched; no I/O. */
import { type VmRef, vmKey } from "../vms";
import type { Agent, Event, ListedVm, Operation } from "../wire";

/** Operations kept in the list that is live; the hub has the rest. */
const MOST_OPERATIONS = 500;

/** The list with the events applied, or the same list if none concerned it. */
export function patchedVms(
  vms: readonly ListedVm[],
  events: readonly Event[],
  localId: string | undefined,
): readonly ListedVm[] {
  const news = new Map<string, ListedVm | null>();
  for (const event of events) {
    if (event.kind !== "vm") continue;
    const vm = event.data as ListedVm | null;
    news.set(vmKey(vm ?? refOf(event.subject, localId)), vm);
  }
  return merged(vms, news, vmKey);
}

export function patchedMachines(
  machines: readonly Agent[],
  events: readonly Event[],
): readonly Agent[] {
  const news = new Map<string, Agent | null>();
  for (const event of events) {
    if (event.kind === "agent") news.set(event.subject, event.data as Agent | null);
  }
  return merged(machines, news, (machine) => machine.agent_id);
}

/** Newest first, as the hub lists them. */
export function patchedOperations(
  operations: readonly Operation[],
  events: readonly Event[],
): readonly Operation[] {
  const news = new Map<string, Operation | null>();
  for (const event of events) {
    if (event.kind === "operation") news.set(event.subject, withoutLog(event.data));
  }
  const all = merged(operations, news, (operation) => operation.id);
  if (all === operations) return operations;
  return all
    .toSorted((one, other) => other.created_at.localeCompare(one.created_at))
    .slice(0, MOST_OPERATIONS);
}

/** One operation with news of it; its log, which events leave out, stays. */
export function patchedOperation(operation: Operation, events: readonly Event[]): Operation {
  const last = events.findLast(
    (event) => event.kind === "operation" && event.subject === operation.id,
  );
  if (!last?.data) return operation;
  const news = last.data as unknown as Operation;
  return news.revision < operation.revision
    ? operation
    : { ...operation, ...news, log: operation.log };
}

/** The VM that the subject of an event means, `machine/name`. */
function refOf(subject: string, localId: string | undefined): VmRef {
  const slash = subject.indexOf("/");
  const owner = subject.slice(0, slash);
  return { agent_id: owner === localId ? null : owner, name: subject.slice(slash + 1) };
}

function withoutLog(data: Event["data"]): Operation | null {
  return data && { ...(data as unknown as Operation), log: [] };
}

function merged<Item>(
  items: readonly Item[],
  news: Map<string, Item | null>,
  keyOf: (item: Item) => string,
): readonly Item[] {
  if (news.size === 0) return items;
  const left = new Map(news);
  const kept: Item[] = [];
  for (const item of items) {
    const key = keyOf(item);
    const known = left.get(key);
    left.delete(key);
    if (known !== null) kept.push(known ?? item);
  }
  for (const item of left.values()) {
    if (item !== null) kept.push(item);
  }
  return kept;
}
