/** Long work: what the hub's machines do and did. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { Operation, OperationState } from "./wire";

const SHOWN = 200;

export const operationsQuery = queryOptions({
  queryKey: keys.operations,
  queryFn: () => answered(http.GET("/api/operations", { params: { query: { limit: SHOWN } } })),
});

/** The newest operations first, without their logs. */
export function useOperations() {
  return useQuery(operationsQuery);
}

export function operationQuery(id: string) {
  return queryOptions({
    queryKey: keys.operation(id),
    queryFn: () => answered(http.GET("/api/operations/{id}", { params: { path: { id } } })),
  });
}

/** One operation with its log; events keep it fresh. */
export function useOperation(id: string) {
  return useQuery(operationQuery(id));
}

export function cancel(id: string): Promise<Operation> {
  return answered(http.DELETE("/api/operations/{id}", { params: { path: { id } } }));
}

export function hasEnded(state: OperationState): boolean {
  switch (state) {
    case "queued":
    case "running":
      return false;
    case "succeeded":
    case "failed":
    case "cancelled":
      return true;
  }
}
