import { expect, test } from "vitest";
import type { Event } from "@/api/wire";
import { toldOf } from "@/model/told";
import { matching } from "./search";

const event = (news: Partial<Event>): Event => ({
  id: 1,
  kind: "vm",
  action: "changed",
  subject: "oslo/web",
  at: "2026-11-22T10:00:00Z",
  data: null,
  ...news,
});

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
