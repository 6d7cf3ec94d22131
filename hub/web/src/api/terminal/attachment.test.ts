import { expect, test } from "vitest";
import {
  ACK_BYTES,
  type Attachment,
  begin,
  ECHO_MS,
  type Happening,
  PONG_MS,
  step,
} from "./attachment";
import { parseMessage } from "./messages";

const HELLO = {
  type: "hello",
  offset: 100,
  mode: "owner",
  missed: false,
  rows: 24,
  cols: 80,
} as const;

function after(now: Attachment, ...happenings: Happening[]) {
  return happenings.reduce((last, each) => step(last.next, each, 0), {
    next: now,
    todo: begin(0, 0).todo,
  });
}

function attached(missed = false): Attachment {
  return after(begin(0, 0).next, { type: "told", at: 1, message: { ...HELLO, missed } }).next;
}

test("it counts output, and comes back with the offset", () => {
  const lost = after(
    attached(),
    { type: "output", at: 2, bytes: 50 },
    { type: "closed", at: 3, code: 1006, reason: "" },
  );
  expect(lost.next).toMatchObject({ phase: "waiting", offset: 150, retryAt: 203 });
  expect(after(lost.next, { type: "tick", at: 300, hidden: false }).todo).toEqual([{ do: "open" }]);
});

test("a rendered screen counts for nothing, and a skip says what counts", () => {
  const shown = after(attached(true), { type: "output", at: 2, bytes: 4000 });
  expect(shown.next.offset).toBe(100);
  const skipped = after(shown.next, {
    type: "told",
    at: 3,
    message: { type: "skip", offset: 170 },
  });
  expect(skipped.next.offset).toBe(170);
});

test("who loses the connection before the rendered screen came asks for it again", () => {
  const lost = after(attached(true), { type: "closed", at: 2, code: 1006, reason: "" });
  const again = after(lost.next, { type: "tick", at: 300, hidden: false });
  expect(again.next).toMatchObject({ phase: "opening", offset: null, screenComes: false });
  const full = after(
    again.next,
    { type: "told", at: 301, message: HELLO },
    { type: "output", at: 302, bytes: 5 },
  );
  expect(full.next.offset).toBe(105);
});

test("what the screen took is acknowledged in pieces", () => {
  const little = after(attached(), { type: "taken", at: 2, offset: 100 + ACK_BYTES - 1 });
  expect(little.todo).toEqual([]);
  const enough = after(little.next, { type: "taken", at: 3, offset: 100 + ACK_BYTES });
  expect(enough.todo).toEqual([{ do: "ack", offset: 100 + ACK_BYTES }]);
});

test("a connection that does not answer what was typed is asked, and then given up", () => {
  const ticks = (from: number, until: number): Happening[] =>
    Array.from({ length: Math.ceil((until - from) / 1000) }, (_, n) => ({
      type: "tick",
      at: from + (n + 1) * 1000,
      hidden: false,
    }));
  const typed = after(attached(), { type: "tick", at: 1, hidden: false }, { type: "typed", at: 2 });
  const asked = after(typed.next, ...ticks(2, ECHO_MS + 1000));
  expect(asked.todo).toEqual([{ do: "ping" }]);
  const until = asked.next.tickedAt;
  const given = after(asked.next, ...ticks(until, until + PONG_MS + 1000));
  expect(given.todo).toEqual([{ do: "close" }, { do: "open" }]);
});

test("a late tick means sleep, but not of a hidden page, which browsers seldom wake", () => {
  const late = (hidden: boolean) =>
    after(attached(), { type: "tick", at: 60_000, hidden }, { type: "awake", at: 60_001 });
  expect(step(attached(), { type: "tick", at: 60_000, hidden: false }, 0).todo).toEqual([
    { do: "ping" },
  ]);
  expect(step(attached(), { type: "tick", at: 60_000, hidden: true }, 0).todo).toEqual([]);
  expect(late(false).todo).toEqual([]);
  expect(late(true).todo).toEqual([{ do: "ping" }]);
});

test("a refused opening is asked about: a refusal ends it, trouble does not", () => {
  const closed = { type: "closed", at: 1, code: 1006, reason: "" } as const;
  const asking = after(begin(0, 0).next, closed);
  expect(asking.todo).toEqual([{ do: "ask" }]);
  const answer = (status: number) =>
    after(asking.next, { type: "answered", at: 2, status, detail: "No.", retryAfterS: null }).next;
  expect(answer(404)).toMatchObject({ phase: "over", ending: { kind: "refused", detail: "No." } });
  expect(answer(502)).toMatchObject({ phase: "waiting", trouble: "No." });
  expect(answer(400)).toMatchObject({ phase: "waiting", trouble: null });
  expect(answer(0)).toMatchObject({ phase: "waiting", trouble: null });
});

test.each([
  [1000, { kind: "exited", exitCode: 3 }],
  [4401, { kind: "removed" }],
  [4408, { kind: "idle" }],
  [4410, { kind: "terminated" }],
])("close code %i ends it", (code, ending) => {
  const over = after(
    attached(),
    { type: "told", at: 2, message: { type: "exit", exit_code: 3 } },
    { type: "closed", at: 3, code, reason: "" },
  ).next;
  expect(over).toMatchObject({ phase: "over", ending });
  expect(after(over, { type: "tick", at: 4, hidden: false }).todo).toEqual([]);
  expect(after(over, { type: "wanted", at: 5 }).todo).toEqual([{ do: "open" }]);
});

test("a message that is none is nobody's business", () => {
  expect(parseMessage(JSON.stringify(HELLO))).toEqual(HELLO);
  for (const text of [
    "{",
    "null",
    '{"type":"skip","offset":-1}',
    '{"type":"viewers","viewers":[1]}',
  ]) {
    expect(parseMessage(text)).toBeNull();
  }
});
