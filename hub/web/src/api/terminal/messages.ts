/** The control messages of `batwa.v1` (docs/protocol.md): what the agent says, made sure of before anybody uses it. */
import type { TerminalViewer } from "../wire";

export const SUBPROTOCOL = "batwa.v1";

export interface Size {
  /** In character cells. */
  readonly rows: number;
  readonly cols: number;
}

export type Mode = TerminalViewer["mode"];

export type FromAgent =
  | ({
      readonly type: "hello";
      /** Which of the viewers this one is; an older agent does not say. */
      readonly viewer_id?: string;
      /** Of the output byte that follows. */
      readonly offset: number;
      readonly mode: Mode;
      /** A rendered screen comes first, which counts for nothing. */
      readonly missed: boolean;
    } & Size)
  | { readonly type: "skip"; readonly offset: number }
  | ({ readonly type: "resize" } & Size)
  | { readonly type: "viewers"; readonly viewers: readonly TerminalViewer[] }
  | { readonly type: "notice"; readonly text: string }
  | { readonly type: "error"; readonly code: string; readonly detail: string }
  | { readonly type: "pong" }
  | { readonly type: "exit"; readonly exit_code: number | null };

export type ToAgent =
  | ({ readonly type: "resize" } & Size)
  | { readonly type: "ack"; readonly offset: number }
  | { readonly type: "ping" };

const MODES: readonly unknown[] = ["owner", "writer", "reader"] satisfies Mode[];

/** The message in a text frame; null if it is none that this page knows. */
export function parseMessage(text: string): FromAgent | null {
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    return null;
  }
  return typeof told === "object" && told !== null && isKnown(told as Told)
    ? (told as FromAgent)
    : null;
}

type Told = Readonly<Record<string, unknown>>;

function isKnown(told: Told): boolean {
  switch (told.type) {
    case "hello":
      return (
        isCount(told.offset) &&
        isSize(told) &&
        MODES.includes(told.mode) &&
        (told.viewer_id === undefined || typeof told.viewer_id === "string") &&
        typeof told.missed === "boolean"
      );
    case "skip":
      return isCount(told.offset);
    case "resize":
      return isSize(told);
    case "viewers":
      return Array.isArray(told.viewers) && told.viewers.every(isViewer);
    case "notice":
      return typeof told.text === "string";
    case "error":
      return typeof told.code === "string" && typeof told.detail === "string";
    case "pong":
      return true;
    case "exit":
      return told.exit_code === null || typeof told.exit_code === "number";
    default:
      return false;
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSize(told: Told): boolean {
  return isCount(told.rows) && isCount(told.cols) && told.rows !== 0 && told.cols !== 0;
}

function isViewer(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { id, name, mode } = value as Told;
  return typeof id === "string" && typeof name === "string" && MODES.includes(mode);
}
