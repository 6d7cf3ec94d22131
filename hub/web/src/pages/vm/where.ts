/** Which machine's VM the address means. */

export interface Where {
  /** The id of an agent; left out, the hub's own machine. */
  agent?: string | undefined;
}

export function parseWhere(search: Record<string, unknown>): Where {
  return { agent: typeof search.agent === "string" && search.agent ? search.agent : undefined };
}
