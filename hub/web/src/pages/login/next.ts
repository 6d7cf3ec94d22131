/** Where to go after the login: only ever to a page of this hub. */

export interface LoginSearch {
  next?: string | undefined;
  /** Whether a session has just ended, which the login page then says. */
  ended?: true | undefined;
}

export function parseNext(search: Record<string, unknown>): LoginSearch {
  return { next: ownPath(search.next), ended: search.ended === true ? true : undefined };
}

/** The path if it is one of ours; a link that was sent to somebody must not lead them elsewhere. */
export function ownPath(given: unknown): string | undefined {
  if (typeof given !== "string" || !given.startsWith("/")) return undefined;
  const here = "http://hub.invalid";
  const url = URL.canParse(given, here) ? new URL(given, here) : null;
  if (url?.origin !== here || url.pathname.startsWith("//")) return undefined;
  if (url.pathname === "/login" || url.pathname === "/setup") return undefined;
  return url.pathname + url.search + url.hash;
}
