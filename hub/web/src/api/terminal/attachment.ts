/**
 * When to open, doubt and give up the connection to a terminal, and at which byte to come back; no I/O. What
 * happens goes in, what to do comes out.
 *
 * The shell lives at the agent whatever happens here, so the answer to nearly every trouble is to come back with
 * the offset. Only the agent or the hub can say that there is nothing to come back to.
 */
import type { FromAgent } from "./messages";

/** How long an opening may take. */
export const OPENING_MS = 15_000;
/** After this long without an answer to what was typed, the connection is asked whether it is there. */
export const ECHO_MS = 4_000;
/** How long it may take to say so. */
export const PONG_MS = 5_000;
/** Ticks come every second; a gap this long means that the machine slept, or that the page is hidden. */
export const SLEPT_MS = 8_000;
/** The agent wants to know of output taken every so many bytes. */
export const ACK_BYTES = 32 * 1024;
const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 15_000;

/** Why there is nothing to come back to, or not without a person's wish. */
export type Ending =
  | { readonly kind: "exited"; readonly exitCode: number | null }
  /** Somebody ended it, or its time was up. */
  | { readonly kind: "terminated" }
  /** The login or the link has ended. */
  | { readonly kind: "removed" }
  /** Nothing was typed for as long as the hub allows; one may come back. */
  | { readonly kind: "idle" }
  /** The hub refuses, with its sentence. */
  | { readonly kind: "refused"; readonly detail: string };

export interface Attachment {
  readonly phase: "opening" | "attached" | "asking" | "waiting" | "over";
  /** When the phase began. */
  readonly since: number;
  /** Openings since one last succeeded. */
  readonly attempts: number;
  /** In `waiting`: when to try again. */
  readonly retryAt: number;
  /** The hub's sentence about why it does not work just now. */
  readonly trouble: string | null;
  /** Of the next output byte; null before the first hello, and to ask for a screen that never came. */
  readonly offset: number | null;
  /** Output that the screen has taken, as the agent was told. */
  readonly acked: number;
  /** The next binary frame is a rendered screen. */
  readonly screenComes: boolean;
  /** Since when something typed has no answer. */
  readonly typedAt: number | null;
  /** Since when the connection is asked whether it is there. */
  readonly askedAt: number | null;
  readonly tickedAt: number;
  readonly exit: { readonly code: number | null } | null;
  readonly ending: Ending | null;
}

export type Happening =
  | { readonly type: "told"; readonly at: number; readonly message: FromAgent }
  | { readonly type: "output"; readonly at: number; readonly bytes: number }
  /** The screen has taken all output before `offset`. */
  | { readonly type: "taken"; readonly at: number; readonly offset: number }
  | { readonly type: "typed" | "awake" | "wanted"; readonly at: number }
  /** `hidden`: nobody sees the page. */
  | { readonly type: "tick"; readonly at: number; readonly hidden: boolean }
  | { readonly type: "closed"; readonly at: number; readonly code: number; readonly reason: string }
  /** What the hub answers to the question why it did not let in; status 0 is no answer. */
  | {
      readonly type: "answered";
      readonly at: number;
      readonly status: number;
      readonly detail: string;
      readonly retryAfterS: number | null;
    };

export type Todo =
  | { readonly do: "open" | "close" | "ask" | "ping" }
  | { readonly do: "ack"; readonly offset: number };

export interface Step {
  readonly next: Attachment;
  readonly todo: readonly Todo[];
}

/** Begin to attach at `offset`; null asks for the screen as it is now. */
export function begin(at: number, offset: number | null): Step {
  const next: Attachment = {
    phase: "opening",
    since: at,
    attempts: 0,
    retryAt: at,
    trouble: null,
    offset,
    acked: offset ?? 0,
    screenComes: false,
    typedAt: null,
    askedAt: null,
    tickedAt: at,
    exit: null,
    ending: null,
  };
  return { next, todo: [{ do: "open" }] };
}

/** What follows from `happening`; `random` is 0 to 1 and spreads the retries of many pages. */
export function step(now: Attachment, happening: Happening, random: number): Step {
  const { at } = happening;
  if (now.phase === "over" && happening.type !== "wanted") return stay(now);
  switch (happening.type) {
    case "told":
      return stay(told(heard(now), happening.message, at));
    case "output":
      return stay(counted(heard(now), happening.bytes));
    case "taken":
      return taken(now, happening.offset);
    case "typed":
      return stay(now.phase === "attached" ? { ...now, typedAt: now.typedAt ?? at } : now);
    case "tick":
      return tick({ ...now, tickedAt: at }, happening, at - now.tickedAt > SLEPT_MS, random);
    case "awake":
      if (now.phase === "waiting") return opening(now, at);
      return now.phase === "attached" ? asking(now, at) : stay(now);
    case "wanted":
      return now.phase === "waiting" || now.phase === "over"
        ? opening({ ...now, ending: null, attempts: 0 }, at)
        : stay(now);
    case "closed":
      return closed(now, happening.code, at, random);
    case "answered":
      return now.phase === "asking" ? answered(now, happening, random) : stay(now);
  }
}

function told(now: Attachment, message: FromAgent, at: number): Attachment {
  switch (message.type) {
    case "hello":
      return {
        ...now,
        phase: "attached",
        since: at,
        attempts: 0,
        trouble: null,
        offset: message.offset,
        acked: message.offset,
        screenComes: message.missed,
      };
    case "skip":
      return { ...now, offset: message.offset };
    case "exit":
      return { ...now, exit: { code: message.exit_code } };
    case "resize":
    case "viewers":
    case "notice":
    case "error":
    case "pong":
      return now;
  }
}

function counted(now: Attachment, bytes: number): Attachment {
  if (now.screenComes) return { ...now, screenComes: false };
  return { ...now, offset: (now.offset ?? 0) + bytes };
}

function taken(now: Attachment, offset: number): Step {
  if (now.phase !== "attached" || offset - now.acked < ACK_BYTES) return stay(now);
  return { next: { ...now, acked: offset }, todo: [{ do: "ack", offset }] };
}

function tick(
  now: Attachment,
  { at, hidden }: Extract<Happening, { type: "tick" }>,
  late: boolean,
  random: number,
): Step {
  switch (now.phase) {
    case "waiting":
      return at >= now.retryAt ? opening(now, at) : stay(now);
    case "opening":
      if (!late && at - now.since <= OPENING_MS) return stay(now);
      return { next: waiting(now, at, random), todo: [{ do: "close" }] };
    case "attached":
      if (now.askedAt !== null && at - now.askedAt > PONG_MS) {
        const again = opening(waiting(now, at, random), at);
        return { next: again.next, todo: [{ do: "close" }, ...again.todo] };
      }
      // Browsers wake a hidden page once a minute: to ask each time would make somebody idle look busy.
      return (late && !hidden) || (now.typedAt !== null && at - now.typedAt > ECHO_MS)
        ? asking(now, at)
        : stay(now);
    case "asking":
    case "over":
      return stay(now);
  }
}

function closed(now: Attachment, code: number, at: number, random: number): Step {
  switch (code) {
    case 1000:
      return over(now, { kind: "exited", exitCode: now.exit?.code ?? null }, at);
    case 4401:
      return over(now, { kind: "removed" }, at);
    case 4408:
      return over(now, { kind: "idle" }, at);
    case 4410:
      return over(now, { kind: "terminated" }, at);
  }
  // A browser does not tell why a WebSocket was refused: the hub is asked.
  if (now.phase === "opening")
    return { next: { ...now, phase: "asking", since: at }, todo: [{ do: "ask" }] };
  return stay(now.phase === "attached" ? waiting(now, at, random) : now);
}

function answered(
  now: Attachment,
  { at, status, detail, retryAfterS }: Extract<Happening, { type: "answered" }>,
  random: number,
): Step {
  const passing = status < 401 || status >= 500 || status === 408 || status === 429;
  if (!passing) return over(now, { kind: "refused", detail }, at);
  // 0 is no answer; 400 says that only a WebSocket was missing: it would have worked.
  const next = { ...waiting(now, at, random), trouble: status > 400 ? detail : null };
  return stay(retryAfterS === null ? next : { ...next, retryAt: at + retryAfterS * 1000 });
}

function over(now: Attachment, ending: Ending, at: number): Step {
  return { next: { ...now, phase: "over", since: at, trouble: null, ending }, todo: [] };
}

function stay(next: Attachment): Step {
  return { next, todo: [] };
}

function heard(now: Attachment): Attachment {
  return now.typedAt === null && now.askedAt === null
    ? now
    : { ...now, typedAt: null, askedAt: null };
}

function asking(now: Attachment, at: number): Step {
  if (now.askedAt !== null) return stay(now);
  return { next: { ...now, askedAt: at }, todo: [{ do: "ping" }] };
}

function opening(now: Attachment, at: number): Step {
  return {
    next: {
      ...now,
      phase: "opening",
      since: at,
      // A screen that never came is asked for again: its offset alone would bring what follows it.
      offset: now.screenComes ? null : now.offset,
      screenComes: false,
      typedAt: null,
      askedAt: null,
      exit: null,
    },
    todo: [{ do: "open" }],
  };
}

function waiting(now: Attachment, at: number, random: number): Attachment {
  const most = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(now.attempts, 16));
  const retryAt = at + most / 2 + (most / 2) * random;
  return { ...now, phase: "waiting", since: at, attempts: now.attempts + 1, retryAt };
}
