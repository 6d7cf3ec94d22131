import { expect, test } from "vitest";
import {
  begin,
  type Connection,
  type Happening,
  OPENING_MS,
  SILENCE_MS,
  SLEPT_MS,
  step,
  type Todo,
  UNSEEN_MS,
} from "./connection";

/** Plays what happens, `[type, at]`, and returns where that leads and everything that is to be done. */
function play(...happenings: [Happening["type"], number][]): {
  at: Connection;
  todo: readonly Todo[];
} {
  const todo: Todo[] = [...begin(0).todo];
  let at = begin(0).next;
  for (const [type, when] of happenings) {
    const next = step(at, { type, at: when }, 1);
    at = next.next;
    todo.push(...next.todo);
  }
  return { at, todo };
}

/** A tick every second over that time. */
function ticks(from: number, to: number): [Happening["type"], number][] {
  const count = Math.floor((to - from) / 1000) + 1;
  return Array.from({ length: count }, (_, second) => ["tick", from + second * 1000]);
}

test("it is live once it is open, and stays so while the hub is heard", () => {
  const { at, todo } = play(
    ["opened", 100],
    ...ticks(1000, 20_000),
    ["heard", 20_500],
    ...ticks(21_000, 50_000),
  );

  expect(at.phase).toBe("live");
  expect(at.lostAt).toBeNull();
  expect(todo).toEqual(["open"]);
});

test("after silence it is closed and opened again, stale since the hub was heard last", () => {
  const { at, todo } = play(
    ["opened", 0],
    ["heard", 2000],
    ...ticks(3000, 2000 + SILENCE_MS + 1000),
  );

  expect(todo).toEqual(["open", "close", "open"]);
  expect(at).toMatchObject({ phase: "opening", lostAt: 2000 });
});

test("it does not wait for silence after the machine has slept", () => {
  const { at, todo } = play(["opened", 0], ["tick", 1000], ["tick", 1000 + SLEPT_MS + 1]);

  expect(todo).toEqual(["open", "close", "open"]);
  expect(at.phase).toBe("opening");
});

test("retries come at growing intervals, up to a limit, and are forgotten on success", () => {
  let at = begin(0).next;
  const waits: number[] = [];
  for (let attempt = 0; attempt < 10; attempt += 1) {
    at = step(at, { type: "lost", at: at.since }, 1).next;
    waits.push(at.retryAt - at.since);
    at = step({ ...at, tickedAt: at.retryAt }, { type: "tick", at: at.retryAt }, 1).next;
    expect(at.phase).toBe("opening");
  }
  expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
  expect(waits.at(-1)).toBe(20_000);
  expect(step(at, { type: "opened", at: at.since }, 1).next).toMatchObject({
    attempts: 0,
    lostAt: null,
  });
});

test("retries of many pages are spread", () => {
  const at = begin(0).next;
  const waits = [0, 0.5, 1].map((random) => step(at, { type: "lost", at: 0 }, random).next.retryAt);
  expect(waits).toEqual([250, 375, 500]);
});

test("an opening that takes too long is given up", () => {
  expect(play(...ticks(1000, OPENING_MS + 1000)).todo).toEqual(["open", "close", "open"]);
});

test("a network that is back, or a person who looks again, ends the wait at once", () => {
  expect(play(["lost", 100], ["online", 110]).todo).toEqual(["open", "open"]);
  expect(play(["lost", 100], ["unseen", 105], ["seen", 110]).todo).toEqual(["open", "open"]);
  expect(play(["opened", 0], ["heard", 1000], ["online", 1100]).todo).toEqual(["open"]);
});

test("a page that nobody sees lets go of its stream until somebody looks", () => {
  const unseen = play(
    ["opened", 0],
    ["unseen", 0],
    ["heard", 30_000],
    ...ticks(1000, UNSEEN_MS + 1000),
  );
  expect(unseen.todo.at(-1)).toBe("close");
  expect(unseen.at.phase).toBe("paused");

  const seen = step(unseen.at, { type: "seen", at: 10 * UNSEEN_MS }, 1);
  expect(seen).toMatchObject({ todo: ["open"], next: { phase: "opening" } });
});

test("what is lost twice is lost once", () => {
  const { at } = play(["opened", 0], ["heard", 500], ["lost", 1000], ["lost", 1001]);
  expect(at).toMatchObject({ attempts: 1, lostAt: 500 });
});
