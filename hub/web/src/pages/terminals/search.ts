/** What the address bar asks of the page: a new terminal in a VM, or one that is there already. */

export interface TerminalsSearch {
  vm?: string | undefined;
  /** With `vm`: the machine it is on; none is the hub's own. */
  agent?: string | undefined;
  /** The id of a terminal. */
  terminal?: string | undefined;
}

export function parseTerminalsSearch(search: Record<string, unknown>): TerminalsSearch {
  const text = (given: unknown) =>
    typeof given === "string" || typeof given === "number" ? String(given) || undefined : undefined;
  return { vm: text(search.vm), agent: text(search.agent), terminal: text(search.terminal) };
}
