/** Commands in VMs. */
import { answered, http, within } from "./client";
import type { VmRef } from "./vms";
import type { ExecResult } from "./wire";

/** How long a command may run. */
export const EXEC_TIMEOUT_S = 60;
const MARGIN_MS = 30_000;

/** Runs a line by `sh -c` and waits for its end. */
export function execLine(vm: VmRef, line: string): Promise<ExecResult> {
  return answered(
    http.POST("/api/vm/{name}/exec", {
      params: { path: { name: vm.name } },
      body: { command: ["sh", "-c", line], timeout_s: EXEC_TIMEOUT_S, agent_id: vm.agent_id },
      fetch: within(EXEC_TIMEOUT_S * 1000 + MARGIN_MS),
    }),
  );
}
