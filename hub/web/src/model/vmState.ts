/** What a VM's state means here: its colour, whether it will change by itself, what may be done. */
import type { VmVerb } from "@/api/vms";
import type { VmState } from "@/api/wire";

/** The few colours states have; a label always stands beside them. */
export type Tone = "good" | "idle" | "busy" | "warn" | "bad";

export interface StateMeaning {
  readonly tone: Tone;
  /** Whether it is on its way to another state. */
  readonly passing: boolean;
  /** What it allows, the likeliest first. */
  readonly verbs: readonly VmVerb[];
}

/** Stops compiling when the hub learns a state that is not here. */
export function meaningOf(state: VmState): StateMeaning {
  switch (state) {
    case "Running":
      return { tone: "good", passing: false, verbs: ["stop", "restart", "suspend", "delete"] };
    case "Stopped":
      return { tone: "idle", passing: false, verbs: ["start", "delete"] };
    case "Suspended":
      return { tone: "idle", passing: false, verbs: ["start", "stop", "delete"] };
    case "Starting":
      return { tone: "busy", passing: true, verbs: ["stop", "delete"] };
    case "Restarting":
      return { tone: "busy", passing: true, verbs: ["delete"] };
    case "Suspending":
      return { tone: "busy", passing: true, verbs: [] };
    case "Delayed Shutdown":
      return { tone: "warn", passing: true, verbs: ["stop", "delete"] };
    case "Deleted":
      return { tone: "idle", passing: false, verbs: ["recover", "delete"] };
    case "Unknown":
      return { tone: "warn", passing: false, verbs: ["start", "stop", "delete"] };
  }
}

export const VM_STATES: readonly VmState[] = [
  "Running",
  "Starting",
  "Restarting",
  "Suspending",
  "Delayed Shutdown",
  "Stopped",
  "Suspended",
  "Unknown",
  "Deleted",
];
