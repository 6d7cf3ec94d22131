/**
 * The one place that talks HTTP to the hub. Path segments are encoded, every wait has a deadline, and
 * whatever goes wrong becomes an `ApiError` with a sentence for a person.
 */
import createClient from "openapi-fetch";
import { t } from "@/strings";
import { noteServerTime } from "./clock";
import type { Problem } from "./wire";
import type { paths } from "./wire.gen";

/** How long an ordinary answer may take. The hub gives up on an agent after 30 s and says so. */
export const DEADLINE_MS = 40_000;

export class ApiError extends Error {
  override readonly name = "ApiError";
  /** The hub's stable name of the failure; `hub-unreachable` when it could not be asked. */
  readonly code: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** Under which the hub's log has the request. */
  readonly requestId: string | null;
  /** Seconds after which it is worth trying again, where the hub says so. */
  readonly retryAfterS: number | null;

  constructor(
    detail: string,
    more: { code: string; status: number; requestId?: string | null; retryAfterS?: number | null },
  ) {
    super(detail);
    this.code = more.code;
    this.status = more.status;
    this.requestId = more.requestId ?? null;
    this.retryAfterS = more.retryAfterS ?? null;
  }
}

/** Returns a fetch that gives up after `deadlineMs`. */
export function within(deadlineMs: number): (request: Request) => Promise<Response> {
  return (request) =>
    globalThis.fetch(request, {
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(deadlineMs)]),
    });
}

export const http = createClient<paths>({
  fetch: within(DEADLINE_MS),
});

/** The answer's body, or an `ApiError`. */
export async function answered<Data>(
  call: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<Data> {
  const { data, error, response } = await call.catch((reason: unknown) => {
    throw unreachable(reason);
  });
  noteServerTime(response.headers.get("Date"));
  if (!response.ok) throw problemOf(error, response);
  return data as Data;
}

/** The failure that a body tells, or one made of the status when a proxy answered in the hub's place. */
export function problemOf(body: unknown, response: Response): ApiError {
  const told = isProblem(body) ? body : null;
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new ApiError(told?.detail ?? t.errors.strangeAnswer(response.status), {
    code: told?.code ?? "hub-misbehaved",
    status: response.status,
    requestId: told?.request_id ?? response.headers.get("X-Request-Id"),
    retryAfterS: Number.isFinite(retryAfter) ? retryAfter : null,
  });
}

function unreachable(reason: unknown): ApiError {
  if (reason instanceof ApiError) return reason;
  const late = reason instanceof DOMException && reason.name === "TimeoutError";
  return new ApiError(late ? t.errors.tooLate : t.errors.unreachable, {
    code: late ? "hub-timeout" : "hub-unreachable",
    status: 0,
  });
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "detail" in body && "code" in body;
}

/** Whether the hub answers at all, without a login. */
export async function isThere(): Promise<boolean> {
  const request = new Request("/healthz", { cache: "no-store" });
  return within(DEADLINE_MS)(request).then(
    (response) => response.ok,
    () => false,
  );
}

/** What to tell a person of any failure. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
