/** What the address bar says about the table of VMs. */

export interface VmsSearch {
  q?: string | undefined;
  machine?: string | undefined;
}

export function parseVmsSearch(search: Record<string, unknown>): VmsSearch {
  const text = (given: unknown) => (typeof given === "string" && given !== "" ? given : undefined);
  return { q: text(search.q), machine: text(search.machine) };
}
