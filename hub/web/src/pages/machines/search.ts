/** What the address bar says about the machines: whose details are open, or that one is added. */

export interface MachinesSearch {
  id?: string | undefined;
  add?: true | undefined;
}

export function parseMachinesSearch(search: Record<string, unknown>): MachinesSearch {
  const { id } = search;
  return {
    id: typeof id === "string" || typeof id === "number" ? String(id) : undefined,
    add: search.add === true || undefined,
  };
}
