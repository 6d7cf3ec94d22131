import { expect, test } from "vitest";
import type { Agent, Event, ListedVm, Operation } from "../wire";
import { patchedMachines, patchedOperation, patchedOperations, patchedVms } from "./patch";

const vm = (name: string, agent_id: string | null, state = "Running") =>
  ({
    id: `${agent_id}-${name}`,
    name,
    agent_id,
    agent_hostname: "h",
    state,
    stale_s: 0,
  }) as ListedVm;

let lastId = 0;
function event(kind: Event["kind"], subject: string, data: object | null): Event {
  lastId += 1;
  const action = data === null ? "removed" : "changed";
  return {
    id: lastId,
    kind,
    action,
    subject,
    at: "2026-11-22T00:00:00Z",
    data: data as Event["data"],
  };
}

test("VMs come, change and go, each on its own machine", () => {
  const before = [vm("web", null), vm("web", "oslo"), vm("db", "oslo")];
  const after = patchedVms(
    before,
    [
      event("vm", "hub1/web", null),
      event("vm", "oslo/web", vm("web", "oslo", "Stopped")),
      event("vm", "oslo/new", vm("new", "oslo")),
      event("vm", "hub1/mine", vm("mine", null)),
    ],
    "hub1",
  );

  expect(after.map((each) => [each.agent_id, each.name, each.state])).toEqual([
    ["oslo", "web", "Stopped"],
    ["oslo", "db", "Running"],
    ["oslo", "new", "Running"],
    [null, "mine", "Running"],
  ]);
  expect(before).toHaveLength(3);
});

test("a VM that came and went within one bunch is not there", () => {
  const news = [event("vm", "oslo/x", vm("x", "oslo")), event("vm", "oslo/x", null)];
  expect(patchedVms([], news, undefined)).toEqual([]);
});

test("what events do not concern stays the same list", () => {
  const vms = [vm("web", null)];
  const operations: Operation[] = [];
  expect(patchedVms(vms, [event("agent", "oslo", {})], "local")).toBe(vms);
  expect(patchedOperations(operations, [event("vm", "oslo/x", null)])).toBe(operations);
});

test("machines are found by their id", () => {
  const machines = [{ agent_id: "oslo", status: "online" }] as Agent[];
  const offline = event("agent", "oslo", { agent_id: "oslo", status: "offline" });
  expect(patchedMachines(machines, [offline])[0]?.status).toBe("offline");
  expect(patchedMachines(machines, [offline, event("agent", "oslo", null)])).toEqual([]);
});

test("operations stay newest first, and one keeps its log", () => {
  const operation = (id: string, minute: number, revision = 1) =>
    ({
      id,
      created_at: `2026-11-22T00:0${minute}:00Z`,
      revision,
      log: [{ at: "", text: "hi" }],
    }) as Operation;
  const older = operation("a", 1);
  const listed = patchedOperations([older], [event("operation", "b", operation("b", 2))]);
  expect(listed.map((each) => each.id)).toEqual(["b", "a"]);
  expect(listed[0]?.log).toEqual([]);

  const news = { ...operation("a", 1, 2), state: "running", log: undefined };
  expect(patchedOperation(older, [event("operation", "a", news)])).toMatchObject({
    state: "running",
    log: older.log,
  });
  expect(
    patchedOperation({ ...older, revision: 5 }, [event("operation", "a", news)]).revision,
  ).toBe(5);
});
