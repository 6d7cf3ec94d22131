import { expect, test } from "vitest";
import type { Agent, JoinToken } from "@/api/wire";
import { progressOf } from "./progress";

const BEFORE = new Set(["local"]);
const token = (news: Partial<JoinToken> = {}) =>
  ({ id: "1", agent_id: null, uses: 1, uses_left: 1, ...news }) as JoinToken;
const machine = (agent_id: string, status: Agent["status"] = "online") =>
  ({ agent_id, status }) as Agent;

test("nothing has happened yet", () => {
  expect(progressOf(BEFORE, [machine("local")], token())).toEqual({ step: "awaited" });
});

test("the token is spent before the machine is heard", () => {
  expect(progressOf(BEFORE, [machine("local")], token({ uses_left: 0 })).step).toBe("joined");
});

test("a new machine is the one, even before the token is looked at again", () => {
  const oslo = machine("oslo");
  expect(progressOf(BEFORE, [machine("local"), oslo], token())).toEqual({
    step: "here",
    machine: oslo,
  });
});

test("a machine may have to be approved", () => {
  const progress = progressOf(BEFORE, [machine("oslo", "waiting")], token({ uses_left: 0 }));
  expect(progress.step).toBe("approval");
});

test("a machine that gets another key is there when its token is spent", () => {
  const oslo = machine("oslo");
  const known = new Set(["oslo"]);
  expect(progressOf(known, [oslo], token({ agent_id: "oslo" })).step).toBe("awaited");
  expect(progressOf(known, [oslo], token({ agent_id: "oslo", uses_left: 0 })).step).toBe("here");
});

test("a revoked token says so", () => {
  expect(progressOf(BEFORE, [machine("local")], undefined)).toEqual({ step: "ended" });
});
