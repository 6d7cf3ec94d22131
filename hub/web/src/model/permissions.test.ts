import { expect, test } from "vitest";
import { parseTags, permissionsOf, tagTexts, wireOf, withRole } from "./permissions";

const LIMITED = {
  role: "operator",
  terminals: true,
  agents: ["oslo"],
  tags: ["site=oslo"],
} as const;

test("tags are written as they are read", () => {
  const tags = { site: "oslo", gpu: "", label: "a=b" };
  expect(parseTags(tagTexts(tags))).toEqual(tags);
});

test("spaces around a tag are typing, and one without a key is none", () => {
  expect(parseTags([" site = oslo ", "=x", "  "])).toEqual({ site: "oslo" });
});

test("another role brings what it ordinarily has of terminals", () => {
  expect(withRole(LIMITED, "viewer")).toEqual({ ...LIMITED, role: "viewer", terminals: false });
});

test("an administrator is not limited", () => {
  expect(wireOf(withRole(LIMITED, "admin"))).toEqual({
    role: "admin",
    terminals: true,
    agents: null,
    tags: {},
  });
});

test("no machine chosen means every machine", () => {
  expect(wireOf({ ...LIMITED, agents: [] }).agents).toBeNull();
  expect(permissionsOf(wireOf(LIMITED))).toEqual(LIMITED);
});
