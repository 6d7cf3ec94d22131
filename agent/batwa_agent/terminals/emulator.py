"""A terminal emulator in memory: pyte, with what full-screen programs use and pyte 0.8 lacks.

Added: the alternate screen, one saved cursor for each screen, scrolling and repeating (CSI S, T, b), SGR
with colons; and what pyte would misread (device strings, private sequences) is left out before it sees it.
"""

import codecs
import copy
import re
import unicodedata
from collections import defaultdict
from typing import Any

import pyte
from pyte import modes
from pyte.screens import StaticDefaultDict

ALTERNATE = frozenset({47, 1047, 1049})
"""DEC private modes that show the alternate screen."""
_SAVES_CURSOR = 1049
_TO_132_COLUMNS = 3
_HELD_CHARS = 16 << 10
_MOST_MARKS = 8
"""Combining characters of one cell; each is composed with all before it, so thousands would take seconds."""
_SEQUENCE = re.compile(
    r"\x1b\[(?P<private>[<=>?]?)(?P<params>[0-9:;]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?P<osc>[^\x07\x18\x1a\x1b\x9c]*)(?:\x07|\x1b\\|\x9c|[\x18\x1a]|(?=\x1b))"
    r"|\x1b[PX^_][^\x18\x1a\x1b\x9c]*(?:\x1b\\|\x9c|[\x18\x1a]|(?=\x1b))"
    r"|\x1b(?P<keypad>[=>])|\x1b[ %*+./-]."
    r"|[\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\x80-\x9f]",
    re.DOTALL,
)
_UNFINISHED = re.compile(r"\x1b(?:[ %*+./-]?|\[[0-?]*[ -/]*|[\]PX^_][^\x07\x18\x1a\x1b\x9c]*\x1b?)\Z")


class _Stream(pyte.Stream):
    csi = {  # noqa: RUF012 -- so pyte declares it
        **pyte.Stream.csi,
        "S": "scroll_up",
        "T": "scroll_down",
        "Z": "back_tab",
        "b": "repeat",
        "s": "save_cursor",
        "u": "restore_cursor",
    }

    def _send_to_parser(self, data: str) -> bool | None:
        try:
            return super()._send_to_parser(data)
        except Exception:  # pyte checks few parameters, and a VM's output must end nothing: no effect
            return True


class Emulator(pyte.Screen):
    """A screen of *rows* by *cols* cells, and the modes a viewer's terminal has to share."""

    def __init__(self, rows: int, cols: int) -> None:
        self.main: tuple[Any, Any] | None = None
        """Lines and cursor of the main screen while the alternate one is shown."""
        self.application_keypad = False
        self._drawn = ""
        self._saved: Any = None
        super().__init__(cols, rows)
        self._stream = _Stream(self)
        self._stream.use_utf8 = False  # text comes decoded; this lets line drawing characters in
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, data: bytes) -> None:
        """Show *data*."""
        text = self._held + self._decoder.decode(data)
        self._held = ""
        at = text.rfind("\x1b")
        if at > 0 and text[at - 1 : at] == "\x1b":
            at -= 1
        start = max((text.rfind(mark) for mark in ("\x1bP", "\x1b_", "\x1b]", "\x1b^", "\x1bX")), default=-1)
        for where in (start, at):
            if where >= 0 and _UNFINISHED.match(text, where):
                text, held = text[:where], text[where:]
                self._held = held if len(held) <= _HELD_CHARS else held[:2]
                break
        self._stream.feed(_SEQUENCE.sub(self._readable, text))

    def set_size(self, rows: int, cols: int) -> None:
        """Change the size as xterm does: lines go from the top only if the cursor would be lost."""
        if drop := max(0, self.cursor.y + 1 - rows):
            moved = {y - drop: line for y, line in self.buffer.items() if y >= drop}
            self.buffer.clear()
            self.buffer.update(moved)
            self.cursor.y -= drop
        for y in [y for y in self.buffer if y >= rows]:
            del self.buffer[y]
        self.lines, self.columns = rows, cols
        self.cursor.x = min(self.cursor.x, cols)
        self.margins = None
        self.tabstops = set(range(8, cols, 8))

    def draw(self, data: str) -> None:
        """Draw text."""
        self._drawn = data[-1:]
        super().draw(data if data.isascii() else self._with_few_marks(data))

    def set_mode(self, *numbers: int, **kwargs: Any) -> None:
        """SM and DECSET."""
        if kwargs.get("private"):
            numbers = tuple(number for number in numbers if number != _TO_132_COLUMNS)
            if ALTERNATE & set(numbers) and self.main is None:
                self.main = (self.buffer, copy.copy(self.cursor))
                self.buffer = defaultdict(lambda: StaticDefaultDict(self.default_char))
        super().set_mode(*numbers, **kwargs)

    def reset_mode(self, *numbers: int, **kwargs: Any) -> None:
        """RM and DECRST."""
        if kwargs.get("private"):
            numbers = tuple(number for number in numbers if number != _TO_132_COLUMNS)
            if ALTERNATE & set(numbers) and self.main is not None:
                self.buffer, cursor = self.main
                if _SAVES_CURSOR in numbers:
                    self.cursor = cursor
                    self.cursor.x, self.cursor.y = min(cursor.x, self.columns), min(cursor.y, self.lines - 1)
                self.main = None
                self.mode -= {number << 5 for number in ALTERNATE}
        super().reset_mode(*numbers, **kwargs)

    def reset(self) -> None:
        """RIS."""
        self.main = None
        self._saved = None
        self.application_keypad = False
        super().reset()

    def save_cursor(self, *_: int) -> None:
        """DECSC and SCOSC: there is one place for it."""
        self.savepoints.clear()
        super().save_cursor()
        self._saved = self.savepoints[-1]

    def restore_cursor(self, *_: int) -> None:
        """DECRC and SCORC: it can be restored again. Whether it shows is no part of it (DECTCEM)."""
        hidden = self.cursor.hidden
        self.savepoints[:] = [self._saved] if self._saved is not None else []
        super().restore_cursor()
        self.cursor.hidden = hidden

    def set_margins(self, top: int | None = None, bottom: int | None = None) -> None:
        """DECSTBM; without parameters, or 0, the whole screen."""
        super().set_margins(top or None, bottom or None)
        self.cursor_position()

    def scroll_up(self, count: int = 1, *_: int) -> None:
        """SU."""
        self._scroll(count, self.index, at_top=False)

    def scroll_down(self, count: int = 1, *_: int) -> None:
        """SD."""
        self._scroll(count, self.reverse_index, at_top=True)

    def repeat(self, count: int = 1, *_: int) -> None:
        """REP."""
        self.draw(self._drawn * min(max(1, count), self.lines * self.columns))

    def back_tab(self, count: int = 1, *_: int) -> None:
        """CBT."""
        for _time in range(min(max(1, count), self.columns)):
            self.cursor.x = max((stop for stop in self.tabstops if stop < self.cursor.x), default=0)

    def _with_few_marks(self, data: str) -> str:
        x, y = self.cursor.x, self.cursor.y
        if x == 0:  # then they belong to the end of the line above
            x, y = self.columns, y - 1
        length = len(self.buffer[y][x - 1].data) if y >= 0 else 0
        kept = []
        for char in data:
            length = length + 1 if unicodedata.combining(char) else 1
            if length <= 1 + _MOST_MARKS:
                kept.append(char)
        return "".join(kept)

    def _scroll(self, count: int, step: Any, *, at_top: bool) -> None:
        top, bottom = self.margins or (0, self.lines - 1)
        y, self.cursor.y = self.cursor.y, top if at_top else bottom
        for _time in range(min(max(1, count), self.lines)):
            step()
        self.cursor.y = y

    def _readable(self, match: re.Match[str]) -> str:
        if match["osc"] is not None:
            number, _, title = match["osc"].partition(";")
            if number in {"0", "2"}:
                self.title = title
            return ""
        if match["keypad"] is not None:
            self.application_keypad = match["keypad"] == "="
            return ""
        if match["final"] is None or match["between"] or match["private"] in {"<", "=", ">"}:
            return ""
        if match["private"] and match["final"] not in "hlJK":
            return ""
        if ":" in match["params"]:
            return f"\x1b[{_with_semicolons(match['params'])}m" if match["final"] == "m" else ""
        return match[0]

    def has_mode(self, number: int) -> bool:
        """Whether a private (DEC) mode is set."""
        return number << 5 in self.mode

    @property
    def is_inserting(self) -> bool:
        """Whether IRM is set."""
        return modes.IRM in self.mode


def _with_semicolons(params: str) -> str:
    words = []
    for word in params.split(";"):
        parts = word.split(":")
        match parts:
            case ["38" | "48" as what, "5", number, *_]:
                words += [what, "5", number]
            case ["38" | "48" as what, "2", red, green, blue] | [
                "38" | "48" as what,
                "2",
                _,
                red,
                green,
                blue,
                *_,
            ]:
                words += [what, "2", red, green, blue]
            case ["4", "0"]:
                words.append("24")
            case [only] | ["4" as only, *_]:
                words.append(only)
            case _:  # underline colours and what is newer: pyte knows none of them
                pass
    return ";".join(words) or "0"
