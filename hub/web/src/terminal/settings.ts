/** How this browser's terminals look and behave; kept in this browser. */
import { useLocalStorage } from "@mantine/hooks";
import type { PaletteName } from "./palettes";

export const FONTS = {
  jetbrains: "'JetBrains Mono Variable', ui-monospace, monospace",
  system: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
} as const;

export type FontName = keyof typeof FONTS;
export type CursorStyle = "block" | "bar" | "underline";

export interface TerminalSettings {
  readonly palette: PaletteName;
  readonly font: FontName;
  /** In CSS pixels. */
  readonly fontSize: number;
  readonly cursor: CursorStyle;
  readonly blinks: boolean;
  /** Lines above the screen. */
  readonly scrollback: number;
  readonly copiesSelection: boolean;
  /** Tells screen readers what appears; slower with much output. */
  readonly screenReader: boolean;
}

export const FONT_SIZE = { least: 8, most: 32 } as const;
export const SCROLLBACK = { least: 100, most: 100_000 } as const;

export const DEFAULTS: TerminalSettings = {
  palette: "page",
  font: "jetbrains",
  fontSize: 13,
  cursor: "block",
  blinks: false,
  scrollback: 10_000,
  copiesSelection: false,
  screenReader: false,
};

const PALETTES: readonly unknown[] = [
  "page",
  "light",
  "dark",
  "solarized",
  "contrast",
] satisfies PaletteName[];
const CURSORS: readonly unknown[] = ["block", "bar", "underline"] satisfies CursorStyle[];

/** What was kept, as far as it is usable; defaults for the rest. */
export function parseSettings(kept: string | undefined): TerminalSettings {
  const given = object(kept);
  const among = <T>(name: keyof TerminalSettings, choices: readonly unknown[]) =>
    (choices.includes(given[name]) ? given[name] : DEFAULTS[name]) as T;
  const count = (
    name: "fontSize" | "scrollback",
    { least, most }: { least: number; most: number },
  ) =>
    Math.min(
      most,
      Math.max(least, Number.isInteger(given[name]) ? Number(given[name]) : DEFAULTS[name]),
    );
  const flag = (name: keyof TerminalSettings) => among<boolean>(name, [true, false]);
  return {
    palette: among("palette", PALETTES),
    font: among("font", Object.keys(FONTS)),
    fontSize: count("fontSize", FONT_SIZE),
    cursor: among("cursor", CURSORS),
    blinks: flag("blinks"),
    scrollback: count("scrollback", SCROLLBACK),
    copiesSelection: flag("copiesSelection"),
    screenReader: flag("screenReader"),
  };
}

function object(kept: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(kept ?? "null");
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The settings, and how to change some; every terminal on this page follows at once. */
export function useTerminalSettings(): [
  TerminalSettings,
  (news: Partial<TerminalSettings>) => void,
] {
  const [settings, setSettings] = useLocalStorage<TerminalSettings>({
    key: "batwa.terminal",
    defaultValue: DEFAULTS,
    deserialize: parseSettings,
    getInitialValueInEffect: false,
  });
  return [settings, (news) => setSettings((now) => ({ ...now, ...news }))];
}
