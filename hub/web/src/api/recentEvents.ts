/** What happened lately, from the hub's log of events; the live stream goes on from there. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { problemOf } from "./client";
import { keys } from "./keys";
import { SseParser } from "./live/sse";
import type { Event } from "./wire";

/** How far back. */
const COUNT = 60;
const DEADLINE_MS = 8_000;
/** Silence after which the log is taken to have been read. */
const QUIET_MS = 400;

export const recentEventsQuery = queryOptions({
  queryKey: keys.recentEvents,
  queryFn: async () => {
    const newest = await position();
    return newest === 0 ? [] : read(Math.max(0, newest - COUNT));
  },
  staleTime: Number.POSITIVE_INFINITY,
});

/** Newest first. */
export function useRecentEvents() {
  return useQuery(recentEventsQuery);
}

/** The id of the newest event: the first thing a new stream tells. */
async function position(): Promise<number> {
  const [first] = await messages("/api/events", (all) => all.length > 0);
  return Number(first?.id ?? 0);
}

async function read(after: number): Promise<Event[]> {
  const told = await messages(`/api/events?last_event_id=${after}`, () => false);
  return told
    .filter((message) => message.data && message.event !== "reload")
    .map((message) => JSON.parse(message.data) as Event)
    .toReversed();
}

async function messages(path: string, enough: (all: { id: string | null }[]) => boolean) {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(DEADLINE_MS)]);
  const response = await fetch(path, { signal, cache: "no-store" });
  if (!response.ok || !response.body) {
    throw problemOf(await response.json().catch(() => null), response);
  }
  const parser = new SseParser();
  const told: ReturnType<SseParser["push"]> = [];
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let quiet: ReturnType<typeof setTimeout> | undefined;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      told.push(...parser.push(part.value));
      if (enough(told)) break;
      clearTimeout(quiet);
      quiet = setTimeout(() => over.abort(), QUIET_MS);
    }
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    clearTimeout(quiet);
    over.abort();
  }
  return told;
}
