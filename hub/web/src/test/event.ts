import type { Event } from "@/api/wire";

/** What tests tell of: a VM that changed, but for *news*. */
export const event = (news: Partial<Event> = {}): Event => ({
  id: 1,
  kind: "vm",
  action: "changed",
  subject: "oslo/web",
  at: "2026-11-22T10:00:00Z",
  data: null,
  ...news,
});
