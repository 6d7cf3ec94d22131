import { expect, test } from "vitest";
import { toldOf } from "@/model/told";
import { event } from "@/test/event";
import { matching } from "./search";

test("filters meet", () => {
  const all = [
    event({ data: { state: "Running", agent_hostname: "oslo-host" } }),
    event({
      id: 2,
      kind: "agent",
      subject: "oslo",
      data: { hostname: "oslo-host", status: "online" },
    }),
  ].map(toldOf);
  expect(matching(all, { q: "OSLO" })).toHaveLength(2);
  expect(matching(all, { q: "oslo", kind: "agent" }).map((each) => each.event.id)).toEqual([2]);
  expect(matching(all, { q: "bergen" })).toEqual([]);
});
