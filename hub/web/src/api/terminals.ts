/** Terminals of the fleet, and the links that let others in. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { IssuedShare, NewShare, OpenTerminal, Share, Terminal } from "./wire";

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

/** One terminal, as it was when it was attached to. */
export function useTerminal(id: string) {
  return useQuery({
    queryKey: keys.terminal(id),
    queryFn: () => answered(http.GET("/api/terminals/{id}", { params: { path: { id } } })),
  });
}

export function openTerminal(order: OpenTerminal): Promise<Terminal> {
  return answered(http.POST("/api/terminals", { body: order }));
}

/** Ends it for everybody. */
export function endTerminal(id: string): Promise<Terminal> {
  return answered(http.DELETE("/api/terminals/{id}", { params: { path: { id } } }));
}

/** The links to a terminal, with who watches by them. */
export function useShares(id: string) {
  return useQuery({
    queryKey: keys.shares(id),
    queryFn: () => answered(http.GET("/api/terminals/{id}/shares", { params: { path: { id } } })),
    refetchInterval: EVERY_MS,
  });
}

/** Makes a link; its secret is told this once. */
export function share(id: string, order: NewShare): Promise<IssuedShare> {
  return answered(
    http.POST("/api/terminals/{id}/shares", { params: { path: { id } }, body: order }),
  );
}

/** Whoever came by the link is out within a second. */
export function revoke(share: Share): Promise<unknown> {
  const path = { id: share.terminal_id, share_id: share.id };
  return answered(http.DELETE("/api/terminals/{id}/shares/{share_id}", { params: { path } }));
}
