/** The audit log: who did what, from where, and how it came out. For administrators. */
import { infiniteQueryOptions } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { AuditOutcome } from "./wire";

/** Which records; what is not given narrows nothing. Times are ISO 8601. */
export interface AuditFilter {
  who?: string | undefined;
  how?: string | undefined;
  action?: string | undefined;
  target?: string | undefined;
  agent_id?: string | undefined;
  outcome?: AuditOutcome | undefined;
  request_id?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

const AT_ONCE = 100;

/** Newest first, a hundred at a time. */
export function auditQuery(filter: AuditFilter) {
  return infiniteQueryOptions({
    queryKey: keys.audit(filter),
    queryFn: ({ pageParam }) => {
      const query = { ...given(filter), limit: AT_ONCE, ...(pageParam && { before: pageParam }) };
      return answered(http.GET("/api/audit", { params: { query } }));
    },
    initialPageParam: 0,
    getNextPageParam: (page) => page.next,
    staleTime: 5_000,
  });
}

/** Where all records of the filter are downloaded from, one a line. */
export function auditExportUrl(filter: AuditFilter): string {
  const query = new URLSearchParams(given(filter)).toString();
  return query === "" ? "/api/audit/export" : `/api/audit/export?${query}`;
}

function given(filter: AuditFilter): Record<string, string> {
  return Object.fromEntries(
    Object.entries(filter).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
}
