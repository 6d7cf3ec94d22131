/** Who is logged in, and what they may do. */
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { Me, Role, WhoAmI } from "./wire";

const RANK: Record<Role, number> = { viewer: 1, operator: 2, admin: 3 };

export const STRANGER: WhoAmI = { me: null, first_start: false, sign_on: null };

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: () => answered(http.GET("/api/auth/session")),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Who is logged in; null while nobody is. */
export function useMe(): Me | null {
  return useQuery(sessionQuery).data?.me ?? null;
}

/** Whether whoever is logged in may do what needs `role`. The hub decides; this only spares a refusal. */
export function useMay(role: Role): boolean {
  const me = useMe();
  return me !== null && reaches(me.role, role);
}

/** Whether who has `role` may do what `needed` may. */
export function reaches(role: Role, needed: Role): boolean {
  return RANK[role] >= RANK[needed];
}

/** Whether they may open terminals and run commands in VMs. */
export function useMayUseTerminals(): boolean {
  return useMe()?.terminals ?? false;
}

/** The code is asked for where the account has an authenticator app: `second-factor-required`. */
export function logIn(username: string, password: string, code?: string): Promise<unknown> {
  return answered(
    http.POST("/api/auth/login", { body: { username, password, ...(code && { code }) } }),
  );
}

export function setUp(code: string, password: string): Promise<unknown> {
  return answered(http.POST("/api/auth/setup", { body: { code, password } }));
}

/** Ends the session and forgets all that it was told. */
export function useLogOut(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await answered(http.POST("/api/auth/logout"));
    queries.clear();
    queries.setQueryData(keys.session, STRANGER);
  };
}
