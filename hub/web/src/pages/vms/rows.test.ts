import { expect, test } from "vitest";
import type { Agent, ListedVm } from "@/api/wire";
import { filtered, rowsOf, sorted } from "./rows";
import { nextSort, orderOf, parseVmsSearch } from "./search";

const vm = (name: string, more: Partial<ListedVm> = {}) =>
  ({
    id: `id-of-${name}`,
    name,
    state: "Running",
    ipv4: [],
    release: "Ubuntu 24.04 LTS",
    agent_id: null,
    agent_hostname: "local",
    created_at: "2026-11-20T00:00:00Z",
    memory_bytes: null,
    ...more,
  }) as ListedVm;
const machines = [
  { agent_id: "hub", local: true, tags: { site: "here" } },
  { agent_id: "oslo", local: false, tags: { site: "oslo", rack: "2" } },
] as unknown as Agent[];
const rows = rowsOf(
  [
    vm("web-10", { ipv4: ["10.0.0.9"] }),
    vm("web-2", {
      agent_id: "oslo",
      agent_hostname: "oslo-host",
      ipv4: ["10.0.0.10"],
      state: "Stopped",
    }),
    vm("DB", { agent_id: "oslo", agent_hostname: "oslo-host", state: "Deleted", memory_bytes: 5 }),
  ],
  machines,
);
const names = (some: readonly { vm: ListedVm }[]) => some.map((row) => row.vm.name);

test("every word has to be somewhere, in any case", () => {
  expect(names(filtered(rows, { q: "WEB 10.0" }))).toEqual(["web-10", "web-2"]);
  expect(names(filtered(rows, { q: "db oslo" }))).toEqual(["DB"]);
  expect(names(filtered(rows, { q: "nothing" }))).toEqual([]);
  expect(filtered(rows, { q: "  " })).toBe(rows);
});

test("filters add up", () => {
  expect(names(filtered(rows, { state: ["Stopped", "Deleted"] }))).toEqual(["web-2", "DB"]);
  expect(names(filtered(rows, { machine: "hub" }))).toEqual(["web-10"]);
  expect(names(filtered(rows, { tag: "rack=2", state: ["Stopped"] }))).toEqual(["web-2"]);
  expect(names(filtered(rows, { tag: "rack" }))).toEqual([]);
});

test("names and addresses are sorted as people read them, what is unknown comes last", () => {
  expect(names(sorted(rows, undefined))).toEqual(["DB", "web-2", "web-10"]);
  expect(names(sorted(rows, { column: "ipv4", descending: false }))).toEqual([
    "web-10",
    "web-2",
    "DB",
  ]);
  expect(names(sorted(rows, { column: "memory", descending: false }))).toEqual([
    "DB",
    "web-2",
    "web-10",
  ]);
  expect(names(sorted(rows, { column: "name", descending: true }))).toEqual([
    "web-10",
    "web-2",
    "DB",
  ]);
});

test("the address bar is believed only as far as it makes sense", () => {
  expect(
    parseVmsSearch({ q: 7, state: ["Running", "Sleepy"], sort: "-age", columns: "all" }),
  ).toEqual({
    q: "7",
    state: ["Running"],
    machine: undefined,
    tag: undefined,
    sort: "-age",
    columns: undefined,
  });
  expect(parseVmsSearch({ sort: "password", state: [] })).toMatchObject({
    sort: undefined,
    state: undefined,
  });
});

test("a click on a column sorts up, then down, then not", () => {
  expect([undefined, "cpus", "-cpus", "name"].map((sort) => nextSort(sort, "cpus"))).toEqual([
    "cpus",
    "-cpus",
    undefined,
    "cpus",
  ]);
  expect(orderOf("-cpus")).toEqual({ column: "cpus", descending: true });
});

test("ten thousand are filtered and sorted well within a keystroke", () => {
  const many = rowsOf(
    Array.from({ length: 10_000 }, (_, index) =>
      vm(`vm-${index}`, { ipv4: [`10.0.${index >> 8}.${index & 255}`] }),
    ),
    machines,
  );
  filtered(many, { q: "x" });
  const began = performance.now();
  const shown = sorted(filtered(many, { q: "vm-99" }), undefined);
  expect(shown).toHaveLength(111);
  expect(performance.now() - began).toBeLessThan(100);
});
