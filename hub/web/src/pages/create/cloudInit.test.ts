import { expect, test } from "vitest";
import { MOST_BYTES, problemsOf } from "./cloudInit";

const severities = (text: string) =>
  problemsOf(text).map((problem) => [problem.line, problem.severity]);

test("what is valid, empty or only comments has no problem", () => {
  expect(problemsOf("")).toEqual([]);
  expect(problemsOf("#cloud-config\n")).toEqual([]);
  expect(problemsOf("#cloud-config\npackages: [git]\nruncmd:\n  - echo hi\n")).toEqual([]);
});

test("broken YAML is told with its line", () => {
  expect(severities("#cloud-config\npackages:\n  - git\n bad: [\n")[0]?.[1]).toBe("error");
  expect(severities("#cloud-config\na: b: c\n")[0]?.[0]).toBe(2);
});

test("the header has to be there, and settings have to be a map", () => {
  expect(severities("packages: [git]")).toEqual([[1, "error"]]);
  expect(severities("#cloud-config\n- git\n")).toEqual([[2, "error"]]);
});

test("a key that cloud-init does not know is a warning, where it stands", () => {
  const text = "#cloud-config\npackages: []\npackges: [git]\n";
  expect(problemsOf(text)).toMatchObject([
    { line: 3, severity: "warning", from: text.indexOf("packges") },
  ]);
});

test("too much is told before it is sent", () => {
  expect(severities(`#cloud-config\n# ${"x".repeat(MOST_BYTES)}`)).toContainEqual([1, "error"]);
});
