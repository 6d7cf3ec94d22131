import { expect, test } from "vitest";
import type { Agent, ListedVm } from "@/api/wire";
import {
  bestFit,
  diskProblem,
  EMPTY,
  imageProblem,
  memoryProblem,
  nameProblem,
  namesOf,
  plan,
  sizeBytes,
} from "./plan";

const G = 2 ** 30;
const machine = (agent_id: string, freeG: number, more: Partial<Agent> = {}) =>
  ({
    agent_id,
    hostname: `${agent_id}-host`,
    local: agent_id === "hub",
    status: "online",
    driver: null,
    load: { memory_bytes: 16 * G, memory_used_bytes: (16 - freeG) * G },
    ...more,
  }) as unknown as Agent;
const vm = (name: string, agent_id: string | null) => ({ name, agent_id }) as ListedVm;

test("sizes are read as Multipass writes them", () => {
  expect(["2G", "1.5G", "512M", "1073741824", "2 GiB"].map(sizeBytes)).toEqual([
    2 * G,
    1.5 * G,
    G / 2,
    G,
    2 * G,
  ]);
  expect(["", "G", "-1G", "2X", "1e3"].map(sizeBytes)).toEqual(Array(5).fill(Number.NaN));
  expect([memoryProblem("127M"), memoryProblem("128M")]).toEqual([expect.any(String), null]);
  expect([diskProblem("1"), diskProblem("5G")]).toEqual([expect.any(String), null]);
});

test("several VMs are numbered, one is not", () => {
  expect(namesOf({ name: "web", count: 1 })).toEqual(["web"]);
  expect(namesOf({ name: "web", count: 10 }).slice(-2)).toEqual(["web-09", "web-10"]);
});

test.each(["", "1web", "web-", "wéb", "-x", "a".repeat(101), "list"])("%j is no name", (name) => {
  expect(nameProblem({ ...EMPTY, name }, [], [])).not.toBeNull();
});

test("a name that is taken is told where the machine is chosen", () => {
  const machines = [machine("hub", 1), machine("oslo", 2)];
  const form = { ...EMPTY, name: "web", machine: "oslo" };
  expect(nameProblem(form, [vm("web", "oslo")], machines)).toContain("oslo-host");
  expect(nameProblem(form, [vm("web", null)], machines)).toBeNull();
  expect(nameProblem({ ...form, count: 2 }, [vm("web-2", "oslo")], machines)).not.toBeNull();
});

test("images may be releases, aliases and URLs, and no options", () => {
  expect(
    ["", "24.04", "jammy", "https://example.org/x.img", "daily:noble"].map(imageProblem),
  ).toEqual(Array(5).fill(null));
  expect(imageProblem("--help")).not.toBeNull();
});

test("best fit goes where memory is, counts what it gives away, and leaves the ill alone", () => {
  const machines = [
    machine("hub", 5),
    machine("oslo", 8),
    machine("ill", 15, { driver: { problem: "x" } as Agent["driver"] }),
    machine("off", 15, { status: "offline" }),
  ];
  expect(bestFit(machines)?.agent_id).toBe("oslo");
  const form = { ...EMPTY, name: "vm", count: 3, memory: "4G" };
  expect(plan(form, machines, []).map((each) => each.agent_id)).toEqual(["oslo", null, "oslo"]);
  expect(plan({ ...form, count: 1 }, machines, [vm("vm", "oslo")])[0]?.agent_id).toBeNull();
});

test("a chosen machine gets them all, and what is empty is left to Multipass", () => {
  const made = plan(
    { ...EMPTY, name: "a", machine: "oslo", count: 2, cloudInit: " \n" },
    [machine("oslo", 0)],
    [],
  );
  expect(made).toMatchObject([
    { name: "a-1", agent_id: "oslo", image: null, cloud_init: null },
    { name: "a-2", agent_id: "oslo" },
  ]);
});
