/** What somebody should look at, the most pressing first; no I/O. */
import type { Agent, ListedVm, Operation } from "@/api/wire";

export type Concern =
  | { readonly kind: "offline"; readonly machine: Agent }
  | { readonly kind: "driver"; readonly machine: Agent; readonly problem: string }
  | { readonly kind: "failed"; readonly operation: Operation }
  | { readonly kind: "unknown"; readonly vms: readonly ListedVm[] };

/** A failure older than this is history. */
export const RECENT_MS = 24 * 3600 * 1000;

export function concerns(
  machines: readonly Agent[],
  vms: readonly ListedVm[],
  operations: readonly Operation[],
  now: number,
): Concern[] {
  const online = new Set(
    machines
      .filter((machine) => machine.status === "online")
      .map((machine) => (machine.local ? null : machine.agent_id)),
  );
  const unknown = vms.filter((vm) => vm.state === "Unknown" && online.has(vm.agent_id));
  return [
    ...machines
      .filter((machine) => machine.status === "offline")
      .map((machine) => ({ kind: "offline" as const, machine })),
    ...machines.flatMap((machine) => {
      const problem = machine.status === "online" ? machine.driver?.problem : null;
      return problem ? [{ kind: "driver" as const, machine, problem }] : [];
    }),
    ...lastFailures(operations, now).map((operation) => ({ kind: "failed" as const, operation })),
    ...(unknown.length > 0 ? [{ kind: "unknown" as const, vms: unknown }] : []),
  ];
}

/** What failed of late and has not been done since; `operations` are newest first. */
function lastFailures(operations: readonly Operation[], now: number): Operation[] {
  const seen = new Set<string>();
  return operations.filter((operation) => {
    const key = `${operation.agent_id ?? ""}/${operation.vm_name}`;
    if (seen.has(key)) return false;
    seen.add(key);
    const ended = Date.parse(operation.ended_at ?? operation.created_at);
    return operation.state === "failed" && now - ended < RECENT_MS;
  });
}
