/** How far a machine is that is to join with a token. */
import type { Agent, JoinToken } from "@/api/wire";

export type Progress =
  /** Nobody has used the token. */
  | { readonly step: "awaited" }
  /** It is used, and nothing was heard of the machine yet. */
  | { readonly step: "joined" }
  /** The token was revoked or has ended. */
  | { readonly step: "ended" }
  | { readonly step: "approval" | "here"; readonly machine: Agent };

/**
 * @param before ids of the machines that there were when the token was made
 * @param token as the hub has it now; undefined when it has none of that id any more
 */
export function progressOf(
  before: ReadonlySet<string>,
  machines: readonly Agent[],
  token: JoinToken | undefined,
): Progress {
  const spent = token !== undefined && token.uses_left < token.uses;
  const machine = machines.find(
    ({ agent_id: id }) => !before.has(id) || (spent && id === token.agent_id),
  );
  if (machine?.status === "waiting") return { step: "approval", machine };
  if (machine?.status === "online") return { step: "here", machine };
  if (token === undefined) return { step: "ended" };
  return { step: spent ? "joined" : "awaited" };
}
