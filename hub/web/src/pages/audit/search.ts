/** What the address bar says about the audit log. */
import type { AuditFilter } from "@/api/audit";
import type { AuditOutcome } from "@/api/wire";
import { t } from "@/strings";

export type AuditSearch = AuditFilter;
export type Proof = keyof typeof t.audit.how;

export const OUTCOMES: readonly AuditOutcome[] = ["done", "refused", "failed"];
export const PROOFS = Object.keys(t.audit.how) as readonly Proof[];

export function parseAuditSearch(search: Record<string, unknown>): AuditSearch {
  const text = (given: unknown) => {
    if (typeof given === "number") return String(given);
    return typeof given === "string" && given !== "" ? given : undefined;
  };
  const moment = (given: unknown) => {
    const told = text(given);
    return told !== undefined && !Number.isNaN(Date.parse(told)) ? told : undefined;
  };
  return {
    who: text(search.who),
    how: PROOFS.find((proof) => proof === search.how),
    action: text(search.action),
    target: text(search.target),
    agent_id: text(search.agent_id),
    outcome: OUTCOMES.find((outcome) => outcome === search.outcome),
    request_id: text(search.request_id),
    since: moment(search.since),
    until: moment(search.until),
  };
}

export function isNarrowed(search: AuditSearch): boolean {
  return Object.values(search).some((value) => value !== undefined);
}
