/** What the address bar says about the list of operations, and which it means. */
import type { Operation, OperationKind, OperationState } from "@/api/wire";

export const STATES: readonly OperationState[] = [
  "queued",
  "running",
  "succeeded",
  "failed",
  "cancelled",
];
export const KINDS: readonly OperationKind[] = [
  "create",
  "start",
  "stop",
  "restart",
  "suspend",
  "delete",
  "recover",
];

export interface OperationsSearch {
  q?: string | undefined;
  state?: OperationState | undefined;
  kind?: OperationKind | undefined;
  /** Whose details are open. */
  id?: string | undefined;
}

export function parseOperationsSearch(search: Record<string, unknown>): OperationsSearch {
  const text = (given: unknown) =>
    (typeof given === "string" && given !== "") || typeof given === "number"
      ? String(given)
      : undefined;
  return {
    q: text(search.q),
    state: STATES.find((state) => state === search.state),
    kind: KINDS.find((kind) => kind === search.kind),
    id: text(search.id),
  };
}

/** Those that have all of what is asked for. */
export function matching(
  operations: readonly Operation[],
  { q, state, kind }: OperationsSearch,
): readonly Operation[] {
  const sought = q?.trim().toLowerCase() ?? "";
  return operations.filter(
    (one) =>
      (state === undefined || one.state === state) &&
      (kind === undefined || one.kind === kind) &&
      `${one.vm_name} ${one.agent_hostname} ${one.requested_by}`.toLowerCase().includes(sought),
  );
}
