import { beforeEach, expect, test, vi } from "vitest";
import type { Size } from "./messages";
import { TerminalSession } from "./session";

/** A WebSocket that notes what the session sends, and tells it what a test wants. */
class FakeSocket {
  static readonly OPEN = 1;
  static opened: FakeSocket;
  readonly readyState = FakeSocket.OPEN;
  readonly sent: unknown[] = [];
  readonly url: URL;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor(url: URL) {
    this.url = url;
    FakeSocket.opened = this;
  }

  send(message: string | Uint8Array): void {
    const isText = typeof message === "string";
    this.sent.push(isText ? JSON.parse(message) : new TextDecoder().decode(message));
  }

  close(): void {}

  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const HELLO = { type: "hello", offset: 0, mode: "owner", missed: false, rows: 24, cols: 80 };
const sink = {
  size: null as Size | null,
  write: () => {},
  resize: () => {},
  fitting: () => sink.size,
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("location", { origin: "http://hub" });
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
  vi.stubGlobal("addEventListener", () => {});
  sink.size = null;
});

function begun(): TerminalSession {
  const session = new TerminalSession({ place: { terminal_id: "oslo~1" }, offset: 0, sink });
  session.fit();
  session.start();
  return session;
}

function started(): FakeSocket {
  begun();
  return FakeSocket.opened;
}

/** What the address says, but for the attachment's random name. */
function asked({ url }: FakeSocket): object {
  const asked = new URLSearchParams(url.searchParams);
  asked.delete("attachment");
  return Object.fromEntries(asked);
}

test("a session names its attachment alike each time it opens, and like no other", () => {
  const name = () => FakeSocket.opened.url.searchParams.get("attachment");
  const stalled = started();
  const first = name();
  stalled.tell(HELLO);
  document.dispatchEvent(new Event("visibilitychange"));
  vi.advanceTimersByTime(10_000);
  expect(FakeSocket.opened).not.toBe(stalled);
  expect(name()).toBe(first);
  expect(first).toMatch(/^[\w-]{1,64}$/);
  started();
  expect(name()).not.toBe(first);
});

test("the size that fits is told when it opens and when it is greeted", () => {
  sink.size = { rows: 31, cols: 141 };
  const socket = started();
  expect(asked(socket)).toEqual({ terminal_id: "oslo~1", rows: "31", cols: "141", offset: "0" });
  socket.tell(HELLO);
  expect(socket.sent).toEqual([{ type: "resize", rows: 31, cols: 141 }]);
});

test("a place that could not be seen when it opened is looked at again when it is greeted", () => {
  const socket = started();
  expect(asked(socket)).toEqual({ terminal_id: "oslo~1", offset: "0" });
  sink.size = { rows: 31, cols: 141 };
  socket.tell(HELLO);
  expect(socket.sent).toEqual([{ type: "resize", rows: 31, cols: 141 }]);
});

test("who still sees nothing tells no size", () => {
  const socket = started();
  socket.tell(HELLO);
  expect(socket.sent).toEqual([]);
});

test("a hidden page that is woken late asks nothing until it is seen", () => {
  const socket = started();
  socket.tell(HELLO);
  Object.assign(document, { hidden: true });
  vi.setSystemTime(Date.now() + 60_000);
  vi.advanceTimersByTime(1_000);
  expect(socket.sent).toEqual([]);
  Object.assign(document, { hidden: false });
  document.dispatchEvent(new Event("visibilitychange"));
  expect(socket.sent).toEqual([{ type: "ping" }]);
});

const VIEWERS = [
  { id: "r", mode: "reader" },
  { id: "a", mode: "writer" },
  { id: "b", mode: "owner" },
].map((viewer) => ({ ...viewer, name: "ines", attached_at: "2030-01-01T00:00:00Z" }));

test.each([
  ["the writer who came first", "a", ["answer", "key"]],
  ["who came later", "b", ["key"]],
  ["who is told no id by an older agent", undefined, ["answer", "key"]],
])("of several viewers one answers the program: %s", (_who, viewer_id, typed) => {
  const session = begun();
  const socket = FakeSocket.opened;
  socket.tell({ ...HELLO, viewer_id });
  socket.tell({ type: "viewers", viewers: VIEWERS });
  session.answer("answer");
  session.type("key");
  expect(socket.sent).toEqual(typed);
});

test("who is left answers", () => {
  const session = begun();
  FakeSocket.opened.tell({ ...HELLO, viewer_id: "b" });
  FakeSocket.opened.tell({ type: "viewers", viewers: VIEWERS });
  FakeSocket.opened.tell({ type: "viewers", viewers: VIEWERS.filter(({ id }) => id !== "a") });
  session.answer("answer");
  expect(FakeSocket.opened.sent).toEqual(["answer"]);
});
