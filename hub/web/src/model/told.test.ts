import { expect, test } from "vitest";
import { event } from "@/test/event";
import { toldOf } from "./told";

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
