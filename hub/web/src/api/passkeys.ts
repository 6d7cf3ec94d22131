/** Passkeys: what the browser is asked, and what the hub makes of its answer. */
import { queryOptions } from "@tanstack/react-query";
import { ApiError, answered, http } from "./client";
import { keys } from "./keys";

export const passkeysQuery = queryOptions({
  queryKey: keys.passkeys,
  queryFn: () => answered(http.GET("/api/auth/passkeys")),
});

/** Whether this browser has passkeys here. None has them for an address instead of a name, or without HTTPS. */
export function hasPasskeys(host: string = globalThis.location.hostname): boolean {
  const isAddress = /^\[|^\d+(?:\.\d+){3}$/.test(host);
  const known = globalThis.PublicKeyCredential as typeof PublicKeyCredential | undefined;
  return !isAddress && typeof known?.parseRequestOptionsFromJSON === "function";
}

/** Resolves to whether somebody was logged in; false if they thought better of it. The device asks its owner. */
export async function logInWithPasskey(): Promise<boolean> {
  const asked = await answered(http.POST("/api/auth/passkeys/login/options"));
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
    asked.options as unknown as PublicKeyCredentialRequestOptionsJSON,
  );
  const found = await navigator.credentials.get({ publicKey }).catch(ofNobody);
  if (!(found instanceof PublicKeyCredential)) return false;
  const credential = found.toJSON() as Record<string, unknown>;
  await answered(
    http.POST("/api/auth/passkeys/login", { body: { ticket: asked.ticket, credential } }),
  );
  return true;
}

/** Resolves to whether one was made; false if its owner thought better of it. The device asks them. */
export async function addPasskey(name: string, password: string): Promise<boolean> {
  const asked = await answered(http.POST("/api/auth/passkeys/options", { body: { password } }));
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
    asked.options as unknown as PublicKeyCredentialCreationOptionsJSON,
  );
  const made = await navigator.credentials.create({ publicKey }).catch(ofNobody);
  if (!(made instanceof PublicKeyCredential)) return false;
  const credential = made.toJSON() as Record<string, unknown>;
  await answered(
    http.POST("/api/auth/passkeys", { body: { name, ticket: asked.ticket, credential } }),
  );
  return true;
}

export function removePasskey(id: string): Promise<unknown> {
  return answered(http.DELETE("/api/auth/passkeys/{id}", { params: { path: { id } } }));
}

/** Browsers do not tell "cancelled" from "too late" and "there is none", lest a page learns which it was. */
export function ofNobody(reason: unknown): null {
  const isName = (name: string) => reason instanceof DOMException && reason.name === name;
  if (isName("NotAllowedError") || isName("AbortError")) return null;
  const detail = reason instanceof Error ? reason.message : String(reason);
  throw new ApiError(detail, { code: "passkey-unavailable", status: 0 });
}
