import { expect, test } from "vitest";
import { isNarrowed, parseAuditSearch, wordsOf } from "./search";

test("what the log does not know is left out of the address", () => {
  const search = parseAuditSearch({ outcome: "perhaps", how: "magic", since: "soon", who: "" });
  expect(isNarrowed(search)).toBe(false);
});

test("a target that looks like a number is a name", () => {
  expect(parseAuditSearch({ target: 42, outcome: "failed" })).toMatchObject({
    target: "42",
    outcome: "failed",
  });
});

test.each([
  ["POST /api/vm/start", "vm start"],
  ["DELETE /api/users/{name}", "users remove"],
  ["POST /api/agent/join-tokens", "agent join tokens"],
  ["PATCH /api/agent/{agent_id}", "agent change"],
  ["DELETE /api/users/{name}/sessions", "users sessions remove"],
  ["terminal ended", "terminal ended"],
])("%s reads %s", (action, words) => {
  expect(wordsOf(action)).toBe(words);
});
