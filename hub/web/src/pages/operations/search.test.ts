import { expect, test } from "vitest";
import type { Operation } from "@/api/wire";
import { matching, parseOperationsSearch } from "./search";

const ALL = [
  {
    id: "1",
    kind: "start",
    state: "running",
    vm_name: "web",
    agent_hostname: "oslo",
    requested_by: "admin",
  },
  {
    id: "2",
    kind: "create",
    state: "failed",
    vm_name: "db",
    agent_hostname: "oslo",
    requested_by: "kai",
  },
] as Operation[];
const ids = (address: Record<string, unknown>) =>
  matching(ALL, parseOperationsSearch(address)).map((operation) => operation.id);

test("the address narrows the list down", () => {
  expect(ids({})).toEqual(["1", "2"]);
  expect(ids({ state: "failed" })).toEqual(["2"]);
  expect(ids({ kind: "start", q: "OSLO" })).toEqual(["1"]);
  expect(ids({ q: "kai", state: "running" })).toEqual([]);
});

test("what no operation can be narrows nothing", () => {
  expect(ids({ state: "lost", kind: "explode", q: "" })).toEqual(["1", "2"]);
});
