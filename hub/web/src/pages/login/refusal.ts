/** Why a sign-on elsewhere failed: the hub leaves it in a cookie of the login page, for this once. */
import { ApiError } from "@/api/client";

const COOKIE = "sign_on_refused";

/** The failure that waits to be told, or null. It is forgotten by that. */
export function takeRefusal(): ApiError | null {
  const refusal = refusalIn(document.cookie);
  if (refusal) document.cookie = `${COOKIE}=; Path=/login; Max-Age=0; SameSite=Lax`;
  return refusal;
}

/** The failure in a page's cookies; null where there is none, or one that no hub wrote. */
export function refusalIn(cookies: string): ApiError | null {
  const pair = cookies.split("; ").find((each) => each.startsWith(`${COOKIE}=`));
  const told = pair === undefined ? null : decoded(pair.slice(COOKIE.length + 1));
  if (typeof told !== "object" || told === null) return null;
  const { detail, code, status, request_id } = told as Record<string, unknown>;
  if (typeof detail !== "string" || typeof code !== "string") return null;
  return new ApiError(detail, {
    code,
    status: typeof status === "number" ? status : 0,
    requestId: typeof request_id === "string" ? request_id : null,
  });
}

function decoded(value: string): unknown {
  try {
    return JSON.parse(decodeURIComponent(value));
  } catch {
    return null;
  }
}
