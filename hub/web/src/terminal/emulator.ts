/** The screen of one terminal: xterm.js with its add-ons, and the keys that are the page's own. */
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { type ITheme, Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import type { Size } from "@/api/terminal/messages";
import type { Sink } from "@/api/terminal/session";
import { Emitted, type Keys } from "./emitted";
import { FONTS, type TerminalSettings } from "./settings";

/** What happens on the screen and is somebody else's business. */
export interface Ears {
  readonly typed: (keys: Keys) => void;
  /** The screen answers what a program asked it. */
  readonly answered: (keys: Keys) => void;
  readonly titled: (title: string) => void;
  /** The pointer is over a link to that address; null when it has left. */
  readonly pointed: (address: string | null) => void;
  readonly found: (place: number, count: number) => void;
  readonly wantsSearch: () => void;
  /** The keyboard is to leave the terminal. */
  readonly leaves: () => void;
}

/** Beyond a contrast of 4.5 small text is readable (WCAG 2, 1.4.3), whatever colours a program chose. */
const CONTRAST = 4.5;
const FOUND = {
  matchBackground: "#7a6200",
  matchOverviewRuler: "#c9a227",
  activeMatchBackground: "#c26a00",
  activeMatchColorOverviewRuler: "#ff9f1c",
};

export class Emulator implements Sink {
  private readonly xterm: Terminal;
  private readonly fit = new FitAddon();
  private readonly search = new SearchAddon();
  private readonly ears: Ears;
  private readonly emitted = new Emitted({
    typed: (keys) => this.ears.typed(typeof keys === "string" ? this.withCtrl(keys) : keys),
    answered: (keys) => {
      if (!isFocusReport(keys)) this.ears.answered(keys);
    },
  });
  private webgl: WebglAddon | null = null;
  private copiesSelection = false;
  private isOpen = false;
  private wantsFocus = false;
  /** The next letter is typed as with Ctrl, and then this is called; null types it as it is. */
  private ctrlUsed: (() => void) | null = null;

  constructor(ears: Ears) {
    this.ears = ears;
    this.xterm = new Terminal({
      allowProposedApi: true, // of the search's marks, and of unicode versions
      minimumContrastRatio: CONTRAST,
      macOptionIsMeta: true,
      rightClickSelectsWord: true,
      linkHandler: this.linkHandler(),
    });
    this.xterm.onData((data) => this.emitted.take(data));
    this.xterm.onBinary((data) =>
      this.emitted.take(Uint8Array.from(data, (char) => char.charCodeAt(0))),
    );
  }

  /** Draws into `place`, with fonts that have been loaded. */
  open(place: HTMLElement): void {
    const { xterm, ears } = this;
    xterm.loadAddon(this.fit);
    xterm.loadAddon(this.search);
    xterm.loadAddon(new Unicode11Addon());
    xterm.unicode.activeVersion = "11";
    const { activate, hover, leave } = this.linkHandler();
    xterm.loadAddon(
      new WebLinksAddon(activate, {
        hover: (event, text) => hover(event, text),
        leave: () => leave(),
      }),
    );
    xterm.attachCustomKeyEventHandler((event) => this.isForShell(event));
    xterm.open(place);
    this.isOpen = true;
    if (this.wantsFocus) xterm.focus();
    xterm.onTitleChange(ears.titled);
    xterm.onSelectionChange(() => {
      if (this.copiesSelection && xterm.hasSelection()) void this.copy();
    });
    this.search.onDidChangeResults(({ resultIndex, resultCount }) =>
      ears.found(resultIndex, resultCount),
    );
  }

  dispose(): void {
    this.xterm.dispose();
  }

  write(bytes: Uint8Array, taken: () => void): void {
    this.emitted.settle(); // what follows keys may be drawn at once
    this.xterm.write(bytes, () => {
      this.emitted.drawn();
      taken();
    });
  }

  resize({ rows, cols }: Size): void {
    this.xterm.resize(cols, rows);
  }

  fitting(): Size | null {
    const size = this.fit.proposeDimensions();
    if (size === undefined || !(size.rows > 0) || !(size.cols > 0)) return null;
    return { rows: Math.min(1000, size.rows), cols: Math.min(1000, size.cols) };
  }

  apply(settings: TerminalSettings, theme: ITheme): void {
    this.copiesSelection = settings.copiesSelection;
    this.xterm.options = {
      fontFamily: FONTS[settings.font],
      fontSize: settings.fontSize,
      cursorStyle: settings.cursor,
      cursorBlink: settings.blinks,
      scrollback: settings.scrollback,
      screenReaderMode: settings.screenReader,
      theme,
    };
  }

  /** Whether one may type; who may not sees no cursor that waits for keys. */
  allowTyping(allowed: boolean): void {
    this.xterm.options.disableStdin = !allowed;
    this.xterm.options.cursorInactiveStyle = allowed ? "outline" : "none";
  }

  /** Draws with WebGL while it is seen: browsers have few contexts. Without WebGL the DOM does. */
  shown(isShown: boolean): void {
    if (!isShown) {
      this.webgl?.dispose();
      this.webgl = null;
    } else if (this.webgl === null) {
      this.webgl = this.accelerated();
    }
  }

  /** Takes the keyboard, as soon as it is drawn. */
  focus(): void {
    if (this.isOpen) this.xterm.focus();
    else this.wantsFocus = true;
  }

  paste(text: string): void {
    this.xterm.paste(text);
  }

  /** Presses a key that a touch keyboard does not have; an arrow is `ESC [` and its letter. */
  press(sequence: string): void {
    const { applicationCursorKeysMode } = this.xterm.modes;
    this.xterm.input(applicationCursorKeysMode ? sequence.replace("\x1b[", "\x1bO") : sequence);
    this.xterm.focus();
  }

  /** Holds Ctrl for one letter and then calls `used`, for keyboards without that key; null lets go. */
  holdCtrl(used: (() => void) | null): void {
    this.ctrlUsed = used;
    this.xterm.focus();
  }

  /** Copies the selection; false if there is none. */
  async copy(): Promise<boolean> {
    const text = this.xterm.getSelection();
    if (text === "") return false;
    // Browsers give the clipboard to secure pages only; the older way works for a hub without HTTPS.
    if (globalThis.isSecureContext) await navigator.clipboard.writeText(text).catch(() => {});
    else document.execCommand("copy");
    return true;
  }

  find(
    text: string,
    way: "next" | "previous",
    how: { caseSensitive: boolean; regex: boolean },
  ): void {
    if (text === "") return this.search.clearDecorations();
    const options = { ...how, decorations: FOUND };
    if (way === "next") this.search.findNext(text, options);
    else this.search.findPrevious(text, options);
  }

  endSearch(): void {
    this.search.clearDecorations();
    this.xterm.clearSelection();
    this.xterm.focus();
  }

  private accelerated(): WebglAddon | null {
    const webgl = new WebglAddon();
    webgl.onContextLoss(() => this.shown(false));
    try {
      this.xterm.loadAddon(webgl);
      return webgl;
    } catch {
      return null; // this browser has no WebGL2
    }
  }

  /** Programs say where links lead; a person sees the address before they follow. */
  private linkHandler() {
    return {
      activate: (_event: MouseEvent, address: string) => {
        if (/^https?:/i.test(address)) globalThis.open(address, "_blank", "noopener,noreferrer");
      },
      hover: (_event: MouseEvent, address: string) => this.ears.pointed(address),
      leave: () => this.ears.pointed(null),
    };
  }

  private isForShell(event: KeyboardEvent): boolean {
    if (event.type !== "keydown" || !event.shiftKey || !(event.ctrlKey || event.metaKey))
      return true;
    switch (event.code) {
      case "KeyC":
        event.preventDefault();
        void this.copy();
        return false;
      case "KeyV":
        return false; // the browser pastes
      case "KeyF":
        event.preventDefault();
        this.ears.wantsSearch();
        return false;
      case "ArrowUp":
        event.preventDefault();
        this.ears.leaves();
        return false;
      default:
        return true;
    }
  }

  private withCtrl(data: string): string {
    if (this.ctrlUsed === null) return data;
    this.ctrlUsed();
    this.ctrlUsed = null;
    const code = data.toUpperCase().charCodeAt(0);
    const has = data.length === 1 && code >= 0x40 && code <= 0x5f;
    return has ? String.fromCharCode(code & 0x1f) : data;
  }
}

/** xterm.js reports the focus at once when output asks for reports, as that of a program long gone may do. */
function isFocusReport(keys: Keys): boolean {
  return keys === "\x1b[I" || keys === "\x1b[O";
}
