/** What a machine's state means here. */
import type { Agent } from "@/api/wire";
import { t } from "@/strings";
import type { Tone } from "./vmState";

/** Stops compiling when the hub learns a state that is not here. */
export function machineStateOf(machine: Agent): { tone: Tone; label: string } {
  switch (machine.status) {
    case "online":
      return machine.driver?.problem
        ? { tone: "warn", label: t.state.trouble }
        : { tone: "good", label: t.state.online };
    case "offline":
      return { tone: "bad", label: t.state.offline };
    case "waiting":
      return { tone: "busy", label: t.machines.waiting };
  }
}
