/** One terminal on the page: its screen and its attachment, for as long as the component lives. */
import { useComputedColorScheme } from "@mantine/core";
import { type RefObject, useEffect, useState, useSyncExternalStore } from "react";
import { type Condition, type Place, TerminalSession } from "@/api/terminal/session";
import { Emulator } from "./emulator";
import { paletteOf } from "./palettes";
import { FONTS, useTerminalSettings } from "./settings";

/** While an edge is dragged the shell is not told of each size in between. */
const SETTLED_MS = 60;

/** What the screen tells. */
export interface Signs {
  /** As the program in it calls it; a machine's words. */
  readonly title: string;
  /** Of the link under the pointer. */
  readonly link: string | null;
  readonly found: { readonly place: number; readonly count: number };
  readonly searching: boolean;
}

export interface Shown {
  readonly emulator: Emulator;
  readonly session: TerminalSession;
  readonly condition: Condition;
  readonly signs: Signs;
  /** What is behind the screen's edges. */
  readonly background: string | undefined;
  readonly startSearch: () => void;
  readonly endSearch: () => void;
}

const SILENT: Signs = { title: "", link: null, found: { place: -1, count: 0 }, searching: false };

export function useTerminal(
  screen: RefObject<HTMLElement | null>,
  options: {
    place: Place;
    /** Of the first byte to show; null shows the screen as it is. */
    offset: number | null;
    /** Whether anybody can see it. */
    shown: boolean;
    /** The keyboard is to leave the terminal. */
    onLeave: () => void;
  },
): Shown {
  const [signs, setSigns] = useState(SILENT);
  const [pair] = useState(() => attached(options.place, options.offset, setSigns, options.onLeave));
  const { emulator, session } = pair;
  const condition = useSyncExternalStore(session.watch, session.condition);
  useScreen(screen, pair);
  const background = useLooks(pair, options.shown);
  const mode = condition.mode;
  useEffect(() => emulator.allowTyping(mode !== "reader"), [emulator, mode]);
  const startSearch = () => setSigns((now) => ({ ...now, searching: true }));
  const endSearch = () => {
    setSigns((now) => ({ ...now, searching: false, found: SILENT.found }));
    emulator.endSearch();
  };
  return { ...pair, condition, signs, background, startSearch, endSearch };
}

interface Pair {
  readonly emulator: Emulator;
  readonly session: TerminalSession;
}

function attached(
  place: Place,
  offset: number | null,
  setSigns: (change: (now: Signs) => Signs) => void,
  onLeave: () => void,
): Pair {
  const emulator = new Emulator({
    typed: (keys) => session.type(keys),
    answered: (keys) => session.answer(keys),
    titled: (title) => setSigns((now) => ({ ...now, title })),
    pointed: (link) => setSigns((now) => ({ ...now, link })),
    found: (at, count) => setSigns((now) => ({ ...now, found: { place: at, count } })),
    wantsSearch: () => setSigns((now) => ({ ...now, searching: true })),
    leaves: onLeave,
  });
  const session = new TerminalSession({ place, offset, sink: emulator });
  return { emulator, session };
}

/** Opens both once the place and its font are there, follows the place's size, and ends both. */
function useScreen(screen: RefObject<HTMLElement | null>, { emulator, session }: Pair): void {
  useEffect(() => {
    const place = screen.current;
    if (place === null) return;
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const observer = new ResizeObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(() => session.fit(), SETTLED_MS);
    });
    void document.fonts.load(`13px ${FONTS.jetbrains}`).finally(() => {
      if (gone) return;
      emulator.open(place);
      session.fit();
      observer.observe(place);
      session.start();
    });
    return () => {
      gone = true;
      clearTimeout(timer);
      observer.disconnect();
      session.stop();
      emulator.dispose();
    };
  }, [screen, emulator, session]);
}

/** Follows the settings and the page's theme, which may change what size fits. */
function useLooks({ emulator, session }: Pair, shown: boolean): string | undefined {
  const [settings] = useTerminalSettings();
  const scheme = useComputedColorScheme("light", { getInitialValueInEffect: false });
  const palette = paletteOf(settings.palette, scheme);
  useEffect(() => {
    emulator.apply(settings, palette);
    session.fit();
  }, [emulator, session, settings, palette]);
  useEffect(() => emulator.shown(shown), [emulator, shown]);
  return palette.background;
}
