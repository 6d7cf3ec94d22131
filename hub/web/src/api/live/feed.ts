/** The page's one stream of events: opened, watched and opened again as `connection.ts` says. */
import { ApiError, problemOf } from "../client";
import type { Event } from "../wire";
import { begin, type Connection, type Happening, type Step, step } from "./connection";
import { SseParser } from "./sse";

const TICK_MS = 1_000;
/** Events are handed on in bunches, so that a thousand changes are one rendering. */
const GATHER_MS = 80;

export interface Listener {
  /** In order, none missing since the last. */
  onEvents(events: readonly Event[]): void;
  /** Some are gone for good, or were before the stream began: what was fetched may be out of date. */
  onReload(): void;
  /** Nobody is logged in any more. */
  onSignedOut(): void;
}

export class Feed {
  #connection: Connection;
  #position: string | null = null;
  #stream: AbortController | null = null;
  #gathered: Event[] = [];
  #timers: ReturnType<typeof setInterval>[] = [];
  #ended = new AbortController();
  readonly #watchers = new Set<() => void>();
  readonly #listener: Listener;

  constructor(listener: Listener) {
    this.#listener = listener;
    this.#connection = begin(Date.now()).next;
  }

  /** Where the connection stands; the same object until that changes. */
  readonly connection = (): Connection => this.#connection;

  readonly watch = (changed: () => void): (() => void) => {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  };

  start(): void {
    this.#ended = new AbortController();
    const signal = this.#ended.signal;
    globalThis.addEventListener("online", () => this.#happened("online"), { signal });
    globalThis.addEventListener("offline", () => this.#cut(), { signal });
    document.addEventListener(
      "visibilitychange",
      () => this.#happened(document.hidden ? "unseen" : "seen"),
      { signal },
    );
    this.#timers = [setInterval(() => this.#happened("tick"), TICK_MS)];
    this.#take(begin(Date.now()));
    if (document.hidden) this.#happened("unseen");
  }

  stop(): void {
    this.#ended.abort();
    this.#timers.forEach(clearInterval);
    this.#stream?.abort();
  }

  #happened(type: Happening["type"]): void {
    this.#take(step(this.#connection, { type, at: Date.now() }, Math.random()));
  }

  #take({ next, todo }: Step): void {
    const before = this.#connection;
    this.#connection = next;
    for (const each of todo) {
      this.#stream?.abort();
      this.#stream = null;
      if (each === "open") void this.#open();
    }
    if (before.phase !== next.phase || before.lostAt !== next.lostAt) {
      for (const changed of this.#watchers) changed();
    }
  }

  #cut(): void {
    this.#stream?.abort();
    this.#stream = null;
    this.#happened("lost");
  }

  async #open(): Promise<void> {
    const stream = new AbortController();
    this.#stream = stream;
    try {
      await this.#read(stream.signal);
    } catch (error) {
      const refused = error instanceof ApiError && error.status === 401;
      if (refused && !stream.signal.aborted) this.#listener.onSignedOut();
    }
    if (this.#stream === stream) this.#happened("lost");
  }

  async #read(signal: AbortSignal): Promise<void> {
    const from =
      this.#position === null ? "" : `?last_event_id=${encodeURIComponent(this.#position)}`;
    const response = await fetch(`/api/events${from}`, { signal, cache: "no-store" });
    if (!response.ok || !response.body) {
      throw problemOf(await response.json().catch(() => null), response);
    }
    if (signal.aborted) return;
    this.#happened("opened");
    if (this.#position === null) this.#listener.onReload();
    const parser = new SseParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (signal.aborted) return;
      this.#happened("heard");
      for (const message of parser.push(part.value)) {
        if (message.event === "reload") this.#reload();
        else if (message.data) this.#gather(JSON.parse(message.data) as Event);
        this.#position = message.id ?? this.#position;
      }
    }
  }

  #reload(): void {
    this.#gathered = [];
    this.#listener.onReload();
  }

  #gather(event: Event): void {
    if (this.#gathered.push(event) > 1) return;
    setTimeout(() => {
      const events = this.#gathered;
      this.#gathered = [];
      if (events.length > 0 && !this.#ended.signal.aborted) this.#listener.onEvents(events);
    }, GATHER_MS);
  }
}
