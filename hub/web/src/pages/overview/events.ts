/** Events as a sentence each; operations, which the list beside tells of, are left out. */
import type { Agent, Event, ListedVm } from "@/api/wire";
import { t } from "@/strings";

export interface Happened {
  readonly who: string;
  readonly what: string;
  readonly where: string | null;
}

export function told(events: readonly Event[]): (Happened & { event: Event })[] {
  return events.flatMap((event) => {
    const happened = sentence(event);
    return happened ? [{ ...happened, event }] : [];
  });
}

function sentence({ kind, subject, data }: Event): Happened | null {
  switch (kind) {
    case "operation":
      return null;
    case "vm": {
      const vm = data as ListedVm | null;
      const slash = subject.indexOf("/");
      const where = vm?.agent_hostname ?? subject.slice(0, slash);
      return {
        who: subject.slice(slash + 1),
        what: vm?.state ?? t.overview.happened.vmGone,
        where,
      };
    }
    case "agent": {
      const machine = data as Agent | null;
      return { who: machine?.hostname ?? subject, what: ofMachine(machine), where: null };
    }
    case "peer":
      return { who: `${t.overview.peer} ${subject}`, what: t.overview.happened.peer, where: null };
    case "message":
      return { who: t.overview.message, what: t.overview.happened.message, where: null };
  }
}

function ofMachine(machine: Agent | null): string {
  if (machine === null) return t.overview.happened.agentGone;
  if (machine.status === "offline") return t.overview.happened.agentOffline;
  return machine.driver?.problem ?? t.overview.happened.agentOnline;
}
