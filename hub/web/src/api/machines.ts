/** Machines: the agents as the hub last heard from them. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { Agent } from "./wire";

/** Load and last signs of life are no events: they are asked for as long as somebody looks. */
const EVERY_MS = 10_000;

export const machinesQuery = queryOptions({
  queryKey: keys.machines,
  queryFn: async () => (await answered(http.GET("/api/agent/list"))) as Agent[],
});

export function useMachines() {
  return useQuery(machinesQuery);
}

/** The same, with the machines' load kept fresh. */
export function useMachinesWithLoad() {
  return useQuery({ ...machinesQuery, refetchInterval: EVERY_MS });
}
