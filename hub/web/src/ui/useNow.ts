/** One clock for everything on the page that shows an age. */
import { useSyncExternalStore } from "react";

const EVERY_MS = 5_000;
const watchers = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function watch(changed: () => void): () => void {
  watchers.add(changed);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of watchers) each();
  }, EVERY_MS);
  return () => {
    watchers.delete(changed);
    if (watchers.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** Renders the component anew every five seconds, together with all others; returns the time it is. */
export function useNow(): number {
  return useSyncExternalStore(watch, () => now);
}
