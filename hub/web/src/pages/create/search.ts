/** What the address of the create page says: which machine was meant, and what it is waiting for. */

export interface CreateSearch {
  machine?: string | undefined;
  /** Operations to show: the page can be closed and opened again while they go on. */
  operations?: readonly string[] | undefined;
}

export function parseCreateSearch(search: Record<string, unknown>): CreateSearch {
  const given = Array.isArray(search.operations) ? search.operations : [];
  const operations = given.filter((id): id is string => typeof id === "string");
  return {
    machine: typeof search.machine === "string" && search.machine ? search.machine : undefined,
    operations: operations.length > 0 ? operations : undefined,
  };
}
