/** One's own account: password and logins. */
import { queryOptions } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { NewTotp } from "./wire";

export const loginsQuery = queryOptions({
  queryKey: keys.logins,
  queryFn: () => answered(http.GET("/api/auth/sessions")),
});

/** One's other logins end with it. */
export function changePassword(current: string, fresh: string): Promise<unknown> {
  return answered(http.POST("/api/auth/password", { body: { current, new: fresh } }));
}

export function endLogin(id: string): Promise<unknown> {
  return answered(http.DELETE("/api/auth/sessions/{id}", { params: { path: { id } } }));
}

export function endOtherLogins(): Promise<unknown> {
  return answered(http.DELETE("/api/auth/sessions"));
}

/** A secret for an authenticator app, this once; it counts when a code of it has come back. */
export function beginTotp(password: string): Promise<NewTotp> {
  return answered(http.POST("/api/auth/totp", { body: { password } }));
}

/** From now on the app counts. Returns ten recovery codes, this once. */
export async function confirmTotp(code: string): Promise<readonly string[]> {
  return (await answered(http.POST("/api/auth/totp/confirm", { body: { code } }))).codes;
}

/** Ten new recovery codes in the place of all before. */
export async function renewRecoveryCodes(code: string): Promise<readonly string[]> {
  return (await answered(http.POST("/api/auth/totp/recovery-codes", { body: { code } }))).codes;
}

export function removeTotp(code: string): Promise<unknown> {
  return answered(http.DELETE("/api/auth/totp", { body: { code } }));
}
