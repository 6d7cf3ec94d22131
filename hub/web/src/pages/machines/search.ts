/** What the address bar says about the machines: whose details are open. */

export interface MachinesSearch {
  id?: string | undefined;
}

export function parseMachinesSearch(search: Record<string, unknown>): MachinesSearch {
  const { id } = search;
  return { id: typeof id === "string" || typeof id === "number" ? String(id) : undefined };
}
