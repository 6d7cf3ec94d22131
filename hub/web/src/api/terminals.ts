/** Terminals of the fleet, and the links that let others in. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";

/** No event tells of terminals: they are asked for as long as somebody looks. */
const EVERY_MS = 5_000;

export const terminalsQuery = queryOptions({
  queryKey: keys.terminals,
  queryFn: () => answered(http.GET("/api/terminals")),
  refetchInterval: EVERY_MS,
});

/** All terminals one may see, and the machines that did not answer. */
export function useTerminals() {
  return useQuery(terminalsQuery);
}
