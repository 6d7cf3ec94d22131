import { beforeEach, expect, test, vi } from "vitest";
import type { Size } from "./messages";
import { TerminalSession } from "./session";

/** What the session does with its WebSocket. */
class Wire {
  static readonly OPEN = 1;
  static opened: Wire;
  readonly readyState = Wire.OPEN;
  readonly sent: unknown[] = [];
  readonly url: URL;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor(url: URL) {
    this.url = url;
    Wire.opened = this;
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
  vi.stubGlobal("WebSocket", Wire);
  vi.stubGlobal("location", { origin: "http://hub" });
  vi.stubGlobal("document", new EventTarget());
  vi.stubGlobal("addEventListener", () => {});
  sink.size = null;
});

function started(): Wire {
  const session = new TerminalSession({ place: { terminal_id: "oslo~1" }, offset: 0, sink });
  session.fit();
  session.start();
  return Wire.opened;
}

test("the size that fits is told when it opens and when it is greeted", () => {
  sink.size = { rows: 31, cols: 141 };
  const wire = started();
  expect(wire.url.search).toBe("?terminal_id=oslo%7E1&rows=31&cols=141&offset=0");
  wire.tell(HELLO);
  expect(wire.sent).toEqual([{ type: "resize", rows: 31, cols: 141 }]);
});

test("a place that could not be seen when it opened is looked at again when it is greeted", () => {
  const wire = started();
  expect(wire.url.search).toBe("?terminal_id=oslo%7E1&offset=0");
  sink.size = { rows: 31, cols: 141 };
  wire.tell(HELLO);
  expect(wire.sent).toEqual([{ type: "resize", rows: 31, cols: 141 }]);
});

test("who still sees nothing tells no size", () => {
  const wire = started();
  wire.tell(HELLO);
  expect(wire.sent).toEqual([]);
});
