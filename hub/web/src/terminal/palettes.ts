/** Colours of terminals. Those of the page follow its theme; the others stay as they are. */
import type { ITheme } from "@xterm/xterm";

export type PaletteName = "page" | "light" | "dark" | "solarized" | "contrast";

const LIGHT: ITheme = {
  background: "#fcfcfd",
  foreground: "#1f2328",
  cursor: "#4659d6",
  cursorAccent: "#fcfcfd",
  selectionBackground: "#c9d2fb",
  black: "#24292f",
  red: "#c4312b",
  green: "#1a7f4b",
  yellow: "#8a5a00",
  blue: "#2f5fd0",
  magenta: "#8a3fb5",
  cyan: "#14727f",
  white: "#6b7280",
  brightBlack: "#57606a",
  brightRed: "#a5221d",
  brightGreen: "#116237",
  brightYellow: "#6d4700",
  brightBlue: "#2149ab",
  brightMagenta: "#6f2c95",
  brightCyan: "#0d5a65",
  brightWhite: "#24292f",
};

const DARK: ITheme = {
  background: "#101215",
  foreground: "#d5d8de",
  cursor: "#93a1f3",
  cursorAccent: "#101215",
  selectionBackground: "#34406f",
  black: "#24272d",
  red: "#ff7b72",
  green: "#4cc38a",
  yellow: "#f0b429",
  blue: "#7aa2f7",
  magenta: "#c792ea",
  cyan: "#5fc9d8",
  white: "#b6bbc5",
  brightBlack: "#6d7380",
  brightRed: "#ffa198",
  brightGreen: "#7ee2b0",
  brightYellow: "#ffd166",
  brightBlue: "#a6c1ff",
  brightMagenta: "#dcb6f5",
  brightCyan: "#93e1ec",
  brightWhite: "#f2f4f8",
};

const SOLARIZED: ITheme = {
  background: "#002b36",
  foreground: "#93a1a1",
  cursor: "#eee8d5",
  cursorAccent: "#002b36",
  selectionBackground: "#0b4a5a",
  black: "#073642",
  red: "#dc322f",
  green: "#859900",
  yellow: "#b58900",
  blue: "#268bd2",
  magenta: "#d33682",
  cyan: "#2aa198",
  white: "#eee8d5",
  brightBlack: "#657b83",
  brightRed: "#cb4b16",
  brightGreen: "#9fb300",
  brightYellow: "#d0a215",
  brightBlue: "#5fb0ea",
  brightMagenta: "#6c71c4",
  brightCyan: "#4fc0b7",
  brightWhite: "#fdf6e3",
};

const CONTRAST: ITheme = {
  ...DARK,
  background: "#000000",
  foreground: "#ffffff",
  cursor: "#ffff00",
  cursorAccent: "#000000",
  selectionBackground: "#005fcc",
  brightBlack: "#a0a0a0",
  white: "#e6e6e6",
};

/** The palette of that name on a page that is light or dark. */
export function paletteOf(name: PaletteName, scheme: "light" | "dark"): ITheme {
  switch (name) {
    case "page":
      return scheme === "light" ? LIGHT : DARK;
    case "light":
      return LIGHT;
    case "dark":
      return DARK;
    case "solarized":
      return SOLARIZED;
    case "contrast":
      return CONTRAST;
  }
}
