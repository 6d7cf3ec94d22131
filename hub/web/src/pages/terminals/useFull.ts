/** Which terminal fills the screen. */
import { useEffect, useState } from "react";

/** Chromium hands Escape to the page that asks for it; holding it leaves full screen. */
interface KeyboardLock {
  readonly keyboard?: { lock(keys: string[]): Promise<void> };
}

export function useFull(): [string | null, (terminal: string | null) => void] {
  const [full, setFull] = useState<string | null>(null);
  useEffect(() => {
    const left = () => {
      if (document.fullscreenElement === null) setFull(null);
    };
    document.addEventListener("fullscreenchange", left);
    return () => document.removeEventListener("fullscreenchange", left);
  }, []);
  const change = (terminal: string | null) => {
    setFull(terminal);
    // Refused by a browser, it fills the window and no more.
    if (terminal !== null) void enter().catch(() => {});
    else if (document.fullscreenElement !== null) void document.exitFullscreen().catch(() => {});
  };
  return [full, change];
}

async function enter(): Promise<void> {
  await document.documentElement.requestFullscreen();
  await (navigator as KeyboardLock).keyboard?.lock(["Escape"]);
}
