/**
 * One attachment to a terminal: the socket, its timers and its bytes. It knows neither the page nor what draws
 * the output; it comes back by itself, at the byte where it was, until the terminal or the permission ends.
 */
import { randomName } from "@/randomName";
import { ApiError, problemOf, sentenceOf, within } from "../client";
import type { TerminalViewer } from "../wire";
import { isAnswering } from "./answering";
import { type Attachment, begin, type Happening, step, type Step, type Todo } from "./attachment";
import {
  type FromAgent,
  type Mode,
  parseMessage,
  type Size,
  SUBPROTOCOL,
  type ToAgent,
} from "./messages";

/** A message to the agent may have 1 MiB; a large paste goes in pieces. */
const PIECE_BYTES = 128 * 1024;
const TICK_MS = 1_000;
const ASK_MS = 15_000;

/** What the address of a terminal's WebSocket says. */
export type Place = { readonly terminal_id: string } | { readonly share: string };

/** Where output goes. */
export interface Sink {
  /** Calls `taken` once the bytes are on the screen. */
  write(bytes: Uint8Array, taken: () => void): void;
  /** All of the terminal has this size now. */
  resize(size: Size): void;
  /** The size that would fill its place; null while that cannot be seen. */
  fitting(): Size | null;
}

/** What a page may want to know. */
export interface Condition {
  readonly attachment: Attachment;
  /** What one may; null before the first hello. */
  readonly mode: Mode | null;
  readonly viewers: readonly TerminalViewer[];
  /** The last sentence the agent had for a person. */
  readonly notice: string | null;
}

export interface Options {
  readonly place: Place;
  readonly sink: Sink;
  /** Of the first byte to show; null shows the screen as it is. */
  readonly offset: number | null;
}

const NOTHING = new Uint8Array(0);

export class TerminalSession {
  private state: Condition;
  private size: Size | null = null;
  /** Over all its connections: keys that a connection given up still brings are not to be typed. */
  private readonly name = randomName();
  private viewerId: string | null = null;
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly watchers = new Set<() => void>();
  private readonly encoder = new TextEncoder();
  private readonly options: Options;

  constructor(options: Options) {
    this.options = options;
    this.state = {
      attachment: begin(Date.now(), options.offset).next,
      mode: null,
      viewers: [],
      notice: null,
    };
  }

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  };

  readonly condition = (): Condition => this.state;

  start(): void {
    const tick = () => this.happened({ type: "tick", at: Date.now(), hidden: document.hidden });
    this.timer = setInterval(tick, TICK_MS);
    globalThis.addEventListener("online", this.awake);
    document.addEventListener("visibilitychange", this.awake);
    this.follow(begin(Date.now(), this.options.offset));
  }

  /** Leaves; the shell goes on. */
  stop(): void {
    clearInterval(this.timer);
    globalThis.removeEventListener("online", this.awake);
    document.removeEventListener("visibilitychange", this.awake);
    this.drop();
    this.watchers.clear();
  }

  /** Types; false if nobody is there to take it. */
  type(keys: string | Uint8Array): boolean {
    const { attachment, mode } = this.state;
    if (attachment.phase !== "attached" || mode === "reader" || this.socket === null) return false;
    const bytes = typeof keys === "string" ? this.encoder.encode(keys) : keys;
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
      this.socket.send(bytes.slice(from, from + PIECE_BYTES));
    }
    this.happened({ type: "typed", at: Date.now() });
    return true;
  }

  /** Types what the screen answers to a program, unless that is another viewer's to do. */
  answer(keys: string | Uint8Array): void {
    if (isAnswering(this.state.viewers, this.viewerId)) this.type(keys);
  }

  /** Says what size fits here; what the terminal then has comes through the sink, at once while nobody answers. */
  fit(): void {
    const size = this.options.sink.fitting();
    if (size === null || (this.size?.rows === size.rows && this.size.cols === size.cols)) return;
    this.size = size;
    if (this.state.attachment.phase === "attached") this.tell({ type: "resize", ...size });
    else this.options.sink.resize(size);
  }

  /** Comes back now: from waiting, or after having been idle. */
  again(): void {
    this.happened({ type: "wanted", at: Date.now() });
  }

  private readonly awake = (): void => {
    if (!document.hidden) this.happened({ type: "awake", at: Date.now() });
  };

  private happened(happening: Happening): void {
    this.follow(step(this.state.attachment, happening, Math.random()));
  }

  private follow({ next, todo }: Step): void {
    const { attachment } = this.state;
    // Counting is nobody's news, and there is much of it.
    const isNews = next.phase !== attachment.phase || next.trouble !== attachment.trouble;
    if (isNews) this.become({ attachment: next });
    else this.state = { ...this.state, attachment: next };
    for (const each of todo) this.obey(each);
  }

  private become(news: Partial<Condition>): void {
    this.state = { ...this.state, ...news };
    for (const each of this.watchers) each();
  }

  private obey(todo: Todo): void {
    switch (todo.do) {
      case "open":
        return this.open();
      case "close":
        return this.drop();
      case "ask":
        return void this.ask();
      case "ping":
        return this.tell({ type: "ping" });
      case "ack":
        return this.tell({ type: "ack", offset: todo.offset });
    }
  }

  private open(): void {
    this.drop();
    const url = this.address();
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data === "string") this.heard(data);
      else this.output(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => {
      this.socket = null;
      if (this.state.viewers.length > 0) this.become({ viewers: [] });
      this.happened({ type: "closed", at: Date.now(), code, reason });
    };
    this.socket = socket;
  }

  private drop(): void {
    if (this.socket === null) return;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close(1000);
    this.socket = null;
  }

  private address(): URL {
    const url = new URL("/ws", globalThis.location.origin);
    const { offset } = this.state.attachment;
    const query = {
      ...this.options.place,
      attachment: this.name,
      ...this.size,
      ...(offset !== null && { offset }),
    };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    return url;
  }

  /** Asks by plain HTTP why the WebSocket was refused, which a browser does not tell. */
  private async ask(): Promise<void> {
    const request = new Request(this.address());
    const failure = await within(ASK_MS)(request).then(
      async (response) => problemOf(await response.json().catch(() => null), response),
      (reason: unknown) => new ApiError(sentenceOf(reason), { code: "hub-unreachable", status: 0 }),
    );
    const { status, message: detail, retryAfterS } = failure;
    this.happened({ type: "answered", at: Date.now(), status, detail, retryAfterS });
  }

  private tell(message: ToAgent): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private heard(text: string): void {
    const message = parseMessage(text);
    if (message === null) return;
    this.happened({ type: "told", at: Date.now(), message });
    this.show(message);
  }

  private show(message: FromAgent): void {
    switch (message.type) {
      case "hello":
        this.viewerId = message.viewer_id ?? null;
        this.options.sink.resize(message);
        this.size = this.options.sink.fitting() ?? this.size; // it may not have been seen when this opened
        if (this.size !== null) this.tell({ type: "resize", ...this.size });
        return this.become({ mode: message.mode, notice: null });
      case "resize":
        return this.options.sink.resize(message);
      case "skip":
        return this.output(NOTHING);
      case "viewers":
        return this.become({ viewers: message.viewers });
      case "notice":
        return this.become({ notice: message.text });
      case "error":
        return this.become({ notice: message.detail });
      case "pong":
      case "exit":
        return;
    }
  }

  private output(bytes: Uint8Array): void {
    if (bytes.length > 0) this.happened({ type: "output", at: Date.now(), bytes: bytes.length });
    const offset = this.state.attachment.offset ?? 0;
    this.options.sink.write(bytes, () => this.happened({ type: "taken", at: Date.now(), offset }));
  }
}
