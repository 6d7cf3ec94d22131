/** What is being done to VMs now. */
import { useMemo } from "react";
import { hasEnded, useOperations } from "@/api/operations";
import { vmKey } from "@/api/vms";
import type { Operation } from "@/api/wire";

/** The operation that is under way on each VM, by the VM's key. */
export function useUnderWay(): ReadonlyMap<string, Operation> {
  const operations = useOperations().data;
  return useMemo(() => underWay(operations ?? []), [operations]);
}

/** Where several wait for one VM, the oldest: it is the one that is worked on. */
export function underWay(operations: readonly Operation[]): ReadonlyMap<string, Operation> {
  const found = new Map<string, Operation>();
  for (const operation of operations) {
    if (!hasEnded(operation.state)) {
      found.set(vmKey({ name: operation.vm_name, agent_id: operation.agent_id }), operation);
    }
  }
  return found;
}
