/**
 * When to open, close and give up the stream of events; no I/O. What happens goes in, what to do comes out.
 *
 * A stream that is silent for too long is dead, even if nobody said so: a sleeping laptop's connections do not
 * end, they are gone. A page that nobody sees lets go of its stream after a while, because browsers allow six
 * connections to one hub and people keep many tabs.
 */

/** The hub says something every 15 s; two of those and a bit. */
export const SILENCE_MS = 35_000;
/** How long an opening may take. */
export const OPENING_MS = 15_000;
/** Ticks come every second; a gap this long means that the machine slept. */
export const SLEPT_MS = 8_000;
/** How long a page nobody sees keeps its stream. */
export const UNSEEN_MS = 60_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 20_000;

export interface Connection {
  readonly phase: "opening" | "live" | "waiting" | "paused";
  /** When the phase began; in `live`, when the hub was heard last. */
  readonly since: number;
  /** Attempts since the last success. */
  readonly attempts: number;
  /** In `waiting`: when to try again. */
  readonly retryAt: number;
  /** Since when what is shown may be out of date; null while it is not. */
  readonly lostAt: number | null;
  readonly unseenSince: number | null;
  readonly tickedAt: number;
}

export type Happening = {
  readonly type: "opened" | "heard" | "lost" | "tick" | "seen" | "unseen" | "online";
  readonly at: number;
};

export type Todo = "open" | "close";

export interface Step {
  readonly next: Connection;
  readonly todo: readonly Todo[];
}

export function begin(at: number): Step {
  const next: Connection = {
    phase: "opening",
    since: at,
    attempts: 0,
    retryAt: at,
    lostAt: null,
    unseenSince: null,
    tickedAt: at,
  };
  return { next, todo: ["open"] };
}

/** What follows from `happening`; `random` is 0 to 1 and spreads the retries of many pages. */
export function step(now: Connection, happening: Happening, random: number): Step {
  const { at } = happening;
  switch (happening.type) {
    case "opened":
      if (now.phase !== "opening") return stay(now);
      return stay({ ...now, phase: "live", since: at, attempts: 0, lostAt: null });
    case "heard":
      return stay(now.phase === "live" ? { ...now, since: at } : now);
    case "lost":
      if (now.phase === "waiting" || now.phase === "paused") return stay(now);
      return stay(waiting(now, at, at + retryMs(now.attempts, random)));
    case "unseen":
      return stay({ ...now, unseenSince: now.unseenSince ?? at });
    case "seen":
      return awake({ ...now, unseenSince: null }, at);
    case "online":
      return awake(now, at);
    case "tick":
      return tick({ ...now, tickedAt: at }, at, at - now.tickedAt > SLEPT_MS);
  }
}

function tick(now: Connection, at: number, slept: boolean): Step {
  if (now.phase === "paused") return stay(now);
  if (now.unseenSince !== null && at - now.unseenSince > UNSEEN_MS) {
    return { next: { ...waiting(now, at, at), phase: "paused" }, todo: ["close"] };
  }
  if (now.phase === "waiting") return at >= now.retryAt ? opening(now, at) : stay(now);
  const patience = now.phase === "live" ? SILENCE_MS : OPENING_MS;
  return slept || at - now.since > patience ? reopening(now, at) : stay(now);
}

/** Somebody looks again, or the network is back: no time to lose. */
function awake(now: Connection, at: number): Step {
  if (now.phase === "waiting" || now.phase === "paused") return opening(now, at);
  return now.phase === "live" && at - now.since > SILENCE_MS / 2 ? reopening(now, at) : stay(now);
}

function stay(next: Connection): Step {
  return { next, todo: [] };
}

function opening(now: Connection, at: number): Step {
  return { next: { ...now, phase: "opening", since: at }, todo: ["open"] };
}

function reopening(now: Connection, at: number): Step {
  return { next: opening(waiting(now, at, at), at).next, todo: ["close", "open"] };
}

function waiting(now: Connection, at: number, retryAt: number): Connection {
  const lostAt = now.lostAt ?? (now.phase === "live" ? now.since : at);
  return { ...now, phase: "waiting", since: at, attempts: now.attempts + 1, retryAt, lostAt };
}

function retryMs(attempts: number, random: number): number {
  const most = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 16));
  return most / 2 + (most / 2) * random;
}
