/** API tokens: what scripts log in with. */
import { queryOptions } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { IssuedToken, NewToken } from "./wire";

/** One's own; an administrator's are everybody's. */
export const tokensQuery = queryOptions({
  queryKey: keys.tokens,
  queryFn: () => answered(http.GET("/api/auth/tokens")),
});

/** The answer has the secret, this once. */
export function makeToken(token: NewToken): Promise<IssuedToken> {
  return answered(http.POST("/api/auth/tokens", { body: token }));
}

export function revokeToken(id: string): Promise<unknown> {
  return answered(http.DELETE("/api/auth/tokens/{id}", { params: { path: { id } } }));
}
