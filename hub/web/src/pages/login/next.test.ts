import { expect, test } from "vitest";
import { ownPath } from "./next";

test.each(["/vms?q=web#x", "/", "/vms/a%2Fb"])("%s is a page of ours", (path) => {
  expect(ownPath(path)).toBe(path);
});

test.each([
  "https://elsewhere.example/",
  "//elsewhere.example/",
  "/\\elsewhere.example/",
  "/\t/elsewhere.example",
  "/.//elsewhere.example",
  "javascript:alert(1)",
  "vms",
  "/login?next=/login",
  "",
  7,
  undefined,
])("%s is none", (given) => {
  expect(ownPath(given)).toBeUndefined();
});
