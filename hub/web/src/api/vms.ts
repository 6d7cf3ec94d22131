/** VMs: the fleet's list, one in detail, and what can be done to them. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { CreateVm, ListedVm, Operation } from "./wire";

/** Which VM is meant: a name is unique on its machine only. */
export interface VmRef {
  readonly name: string;
  /** Null is the hub's own machine. */
  readonly agent_id: string | null;
}

export type VmVerb = "start" | "stop" | "restart" | "suspend" | "delete" | "recover";

export interface VmCommand {
  readonly verb: VmVerb;
  readonly vm: VmRef;
  /** Of stop: cut the power. */
  readonly force?: boolean;
  /** Of delete: for good. */
  readonly purge?: boolean;
}

export const vmsQuery = queryOptions({
  queryKey: keys.vms,
  queryFn: async () => (await answered(http.GET("/api/vm/list"))).vms,
});

export function useVms() {
  return useQuery(vmsQuery);
}

/** Identifies a VM in the list for as long as it lives there. */
export function vmKey(vm: VmRef): string {
  return `${vm.agent_id ?? ""}/${vm.name}`;
}

/** Where one VM is asked about: what the list has is not all that its machine can tell. */
export function vmQuery(vm: VmRef) {
  return queryOptions({
    queryKey: keys.vm(vm.name, vm.agent_id),
    queryFn: async () => {
      const params = { path: { vm_name: vm.name }, query: whereOf(vm) };
      return (await answered(http.GET("/api/vm/info/{vm_name}", { params }))).info;
    },
  });
}

/** Submits the command and returns its operation, at once: the work goes on whether anybody looks or not. */
export function submit(command: VmCommand): Promise<Operation> {
  const body = {
    ...command.vm,
    ...(command.verb === "stop" && command.force !== undefined && { force: command.force }),
    ...(command.verb === "delete" && command.purge !== undefined && { purge: command.purge }),
  };
  return asOperation(http.POST(`/api/vm/${command.verb}`, { body, headers: inBackground() }));
}

/** Asks for a new VM. The key makes a repeated request find the first one's operation. */
export function create(vm: CreateVm, idempotencyKey: string): Promise<Operation> {
  const headers = { ...inBackground(), "Idempotency-Key": idempotencyKey };
  return asOperation(http.POST("/api/vm/create", { body: vm, headers }));
}

/** Whether two refer to the same VM. */
export function isSameVm(one: VmRef, other: VmRef): boolean {
  return one.name === other.name && one.agent_id === other.agent_id;
}

export function findVm(vms: readonly ListedVm[] | undefined, vm: VmRef): ListedVm | undefined {
  return vms?.find((each) => isSameVm(each, vm));
}

function whereOf(vm: VmRef): { agent_id?: string } {
  return vm.agent_id === null ? {} : { agent_id: vm.agent_id };
}

function inBackground() {
  return { Prefer: "respond-async" };
}

/** With `Prefer: respond-async` these answer 202 with an operation, which the description of 200 does not say. */
function asOperation(
  call: Promise<{ data?: unknown; error?: unknown; response: Response }>,
): Promise<Operation> {
  return answered(call) as Promise<Operation>;
}
