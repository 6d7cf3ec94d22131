/** What the address bar says about the list of events. */
import type { Event } from "@/api/wire";
import type { Told } from "@/model/told";

export type Kind = Event["kind"];
export const KINDS: readonly Kind[] = ["vm", "agent", "operation", "peer", "message"];

export interface EventsSearch {
  q?: string | undefined;
  kind?: Kind | undefined;
}

export function parseEventsSearch(search: Record<string, unknown>): EventsSearch {
  return {
    q: typeof search.q === "string" && search.q !== "" ? search.q : undefined,
    kind: KINDS.find((kind) => kind === search.kind),
  };
}

/** Those that have all of what is asked for. */
export function matching(all: readonly Told[], { q, kind }: EventsSearch): readonly Told[] {
  const sought = q?.trim().toLowerCase() ?? "";
  return all.filter(
    ({ event, what, change, where }) =>
      (kind === undefined || event.kind === kind) &&
      `${what} ${change} ${where ?? ""}`.toLowerCase().includes(sought),
  );
}
