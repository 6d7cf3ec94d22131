import { expect, test } from "vitest";
import { sentenceOf } from "@/strings/audit";
import { isNarrowed, parseAuditSearch } from "./search";

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
  ["POST /api/vm/start", "Start a VM"],
  ["batwa-hub backup", "Make a backup"],
  ["POST /api/of/tomorrow", "POST /api/of/tomorrow"],
])("%s reads %s", (action, words) => {
  expect(sentenceOf(action)).toBe(words);
});
