/** Events in words. */
import type { Agent, Event, ListedVm, Operation } from "@/api/wire";
import { t } from "@/strings";

export interface Told {
  readonly event: Event;
  /** What it is about. */
  readonly what: string;
  /** What became of it. */
  readonly change: string;
  /** On which machine, by name. */
  readonly where: string | null;
}

export function toldOf(event: Event): Told {
  const { kind, subject, data } = event;
  switch (kind) {
    case "vm": {
      const vm = data as ListedVm | null;
      const slash = subject.indexOf("/");
      return {
        event,
        what: subject.slice(slash + 1),
        change: vm?.state ?? t.events.gone,
        where: vm?.agent_hostname ?? subject.slice(0, slash),
      };
    }
    case "agent": {
      const machine = data as Agent | null;
      const change = machine
        ? (machine.driver?.problem ?? t.events.machine[machine.status])
        : t.events.removed;
      return { event, what: machine?.hostname ?? subject, change, where: null };
    }
    case "operation": {
      const operation = data as Operation | null;
      return {
        event,
        what: operation ? `${t.kinds[operation.kind]} ${operation.vm_name}` : subject,
        change: operation ? progressOf(operation) : t.events.gone,
        where: operation?.agent_hostname ?? null,
      };
    }
    case "peer":
      return { event, what: nameIn(data) ?? subject, change: t.events.changed, where: null };
    case "message":
      return { event, what: nameIn(data) ?? subject, change: t.events.arrived, where: null };
  }
}

function progressOf({ state, phase, percent }: Operation): string {
  if (state !== "running" || !phase) return t.operations.states[state];
  return percent === null ? phase : `${phase}, ${Math.round(percent)} %`;
}

function nameIn(data: Event["data"]): string | null {
  const name = data?.name ?? data?.peer_name;
  return typeof name === "string" ? name : null;
}
