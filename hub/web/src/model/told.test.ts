import { expect, test } from "vitest";
import type { Event } from "@/api/wire";
import { toldOf } from "./told";

const event = (news: Partial<Event>): Event => ({
  id: 1,
  kind: "vm",
  action: "changed",
  subject: "oslo/web",
  at: "2026-11-22T10:00:00Z",
  data: null,
  ...news,
});

test("a VM that is no more is told by its name", () => {
  expect(toldOf(event({ action: "removed" }))).toMatchObject({
    what: "web",
    change: "is gone",
    where: "oslo",
  });
});

test("an operation tells how far it is", () => {
  const data = {
    kind: "create",
    vm_name: "web",
    state: "running",
    phase: "Retrieving image",
    percent: 41.6,
    agent_hostname: "oslo-host",
  };
  expect(toldOf(event({ kind: "operation", subject: "7", data }))).toMatchObject({
    what: "Create web",
    change: "Retrieving image, 42 %",
    where: "oslo-host",
  });
});
