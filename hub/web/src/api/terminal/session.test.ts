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

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

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

function started(): FakeSocket {
  const session = new TerminalSession({ place: { terminal_id: "oslo~1" }, offset: 0, sink });
  session.fit();
  session.start();
  return FakeSocket.opened;
}

test("the size that fits is told when it opens and when it is greeted", () => {
  sink.size = { rows: 31, cols: 141 };
  const socket = started();
  expect(socket.url.search).toBe("?terminal_id=oslo%7E1&rows=31&cols=141&offset=0");
  socket.tell(HELLO);
  expect(socket.sent).toEqual([{ type: "resize", rows: 31, cols: 141 }]);
});

test("a place that could not be seen when it opened is looked at again when it is greeted", () => {
  const socket = started();
  expect(socket.url.search).toBe("?terminal_id=oslo%7E1&offset=0");
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
