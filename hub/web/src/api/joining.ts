/** How machines join, and what the hub says of those that have. For administrators. */
import { queryOptions } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { ChangeAgent, IssuedJoinToken, NewJoinToken } from "./wire";

/** Join tokens are spent without an event. */
const EVERY_MS = 2_000;

/** Those that have not expired, without their secrets. */
export const joinTokensQuery = queryOptions({
  queryKey: keys.joinTokens,
  queryFn: () => answered(http.GET("/api/agent/join-tokens")),
  refetchInterval: EVERY_MS,
});

/** The answer has the command to paste, this once. */
export function makeJoinToken(token: NewJoinToken): Promise<IssuedJoinToken> {
  return answered(http.POST("/api/agent/join-tokens", { body: token }));
}

/** Who has joined with it stays. */
export function revokeJoinToken(id: string): Promise<unknown> {
  return answered(http.DELETE("/api/agent/join-tokens/{id}", { params: { path: { id } } }));
}

/** Lets a waiting machine be used. */
export function approveMachine(id: string): Promise<unknown> {
  return answered(http.POST("/api/agent/{agent_id}/approve", of(id)));
}

export function describeMachine(id: string, change: ChangeAgent): Promise<unknown> {
  return answered(http.PATCH("/api/agent/{agent_id}", { ...of(id), body: change }));
}

/** Its VMs go on; with its key it may come back. */
export function forgetMachine(id: string): Promise<unknown> {
  return answered(http.DELETE("/api/agent/unregister/{agent_id}", of(id)));
}

export const machineKeysQuery = queryOptions({
  queryKey: keys.machineKeys,
  queryFn: () => answered(http.GET("/api/agent/keys")),
});

/** Whoever has it is refused from the next request on. */
export function revokeMachineKey(id: string): Promise<unknown> {
  return answered(http.DELETE("/api/agent/keys/{id}", { params: { path: { id } } }));
}

function of(agentId: string) {
  return { params: { path: { agent_id: agentId } } };
}
