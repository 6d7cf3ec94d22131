import { expect, test } from "vitest";
import type { Agent, ListedVm, Operation } from "@/api/wire";
import { concerns, RECENT_MS } from "./concerns";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const machine = (agent_id: string, more: Partial<Agent> = {}) =>
  ({
    agent_id,
    hostname: agent_id,
    status: "online",
    local: false,
    driver: null,
    ...more,
  }) as Agent;
const operation = (id: string, state: Operation["state"], minutesAgo: number, vm_name = "web") =>
  ({
    id,
    kind: "start",
    vm_name,
    agent_id: null,
    state,
    created_at: new Date(NOW - minutesAgo * 60_000).toISOString(),
    ended_at: null,
  }) as Operation;

test("a fleet that is well needs no attention", () => {
  const vms = [{ name: "web", agent_id: null, state: "Running" }] as ListedVm[];
  expect(
    concerns([machine("local", { local: true })], vms, [operation("a", "succeeded", 1)], NOW),
  ).toEqual([]);
});

test("machines come first, then what failed", () => {
  const ill = machine("oslo", { driver: { problem: "does not answer" } as Agent["driver"] });
  const found = concerns(
    [ill, machine("bergen", { status: "offline" })],
    [],
    [operation("a", "failed", 5)],
    NOW,
  );
  expect(found.map((concern) => concern.kind)).toEqual(["offline", "driver", "failed"]);
});

test("a failure is no concern once it worked, or when it is old", () => {
  const again = [operation("b", "succeeded", 1), operation("a", "failed", 5)];
  expect(concerns([], [], again, NOW)).toEqual([]);
  expect(concerns([], [], [operation("a", "failed", RECENT_MS / 60_000 + 1)], NOW)).toEqual([]);
  const twice = [
    operation("b", "failed", 1),
    operation("a", "failed", 5),
    operation("c", "failed", 9, "db"),
  ];
  expect(concerns([], [], twice, NOW)).toHaveLength(2);
});

test("unknown VMs count only where the machine answers", () => {
  const vms = [
    { name: "a", agent_id: "oslo", state: "Unknown" },
    { name: "b", agent_id: "bergen", state: "Unknown" },
  ] as ListedVm[];
  const found = concerns([machine("oslo"), machine("bergen", { status: "offline" })], vms, [], NOW);
  expect(found.map((concern) => concern.kind)).toEqual(["offline", "unknown"]);
  expect(found[1]).toMatchObject({ vms: [{ name: "a" }] });
});
