/** What the address bar says about the table of VMs. */

export interface VmsSearch {
  q?: string;
  machine?: string;
}

export function parseVmsSearch(search: Record<string, unknown>): VmsSearch {
  return {
    ...(typeof search.q === "string" && search.q && { q: search.q }),
    ...(typeof search.machine === "string" && { machine: search.machine }),
  };
}
