"""A screen as the bytes that make a viewer's terminal show it."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from .emulator import Emulator
from .queries import CANCEL

MODES = (1, 6, 7, 9, 12, 25, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 2004)
"""DEC private modes that a terminal keeps: cursor keys, wrapping, mouse reports, focus, bracketed paste."""
_COLOURS = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
_BRIGHT = tuple(f"bright{name}" for name in _COLOURS)
_STYLES = (("bold", 1), ("italics", 3), ("underscore", 4), ("blink", 5), ("reverse", 7), ("strikethrough", 9))
_CLEAN = "\x1b[!p\x1b[?1049l\x1b[r\x1b(B\x1b)B\x0f\x1b[4l\x1b[?6l\x1b[?7h\x1b[0m\x1b[H\x1b[2J"


def rendered(screen: Emulator) -> bytes:
    """Return bytes that clear a terminal of the same size, whatever its state, and draw *screen*."""
    parts = [CANCEL.decode(), _CLEAN]
    cursor = screen.cursor
    if screen.main is None:
        parts.append(_lines(screen, screen.buffer))
    else:
        lines, main_cursor = screen.main
        parts += [
            _lines(screen, lines),
            _at(main_cursor),
            "\x1b[?1049h\x1b[0m\x1b[2J",
            _lines(screen, screen.buffer),
        ]
    if screen.title:
        parts.append(f"\x1b]2;{screen.title}\x07")
    if screen.margins is not None:
        parts.append(f"\x1b[{screen.margins.top + 1};{screen.margins.bottom + 1}r")
    parts += [f"\x1b[?{number}{'h' if screen.has_mode(number) else 'l'}" for number in MODES]
    parts.append("\x1b[4h" if screen.is_inserting else "")
    parts.append("\x1b=" if screen.application_keypad else "\x1b>")
    parts += [_at(cursor), _style(cursor.attrs)]
    return "".join(parts).encode()


def _at(cursor: Any) -> str:
    return f"\x1b[{cursor.y + 1};{cursor.x + 1}H"


def _lines(screen: Emulator, lines: Mapping[int, Mapping[int, Any]]) -> str:
    parts = []
    blank = screen.default_char
    for y in range(screen.lines):
        if y not in lines:
            continue
        line = lines[y]
        cells = [line[x] for x in range(screen.columns)]
        while cells and cells[-1] == blank:
            cells.pop()
        if not cells:
            continue
        parts += [f"\x1b[{y + 1}H\x1b[0m", _cells(cells, blank)]
    return "".join(parts) + "\x1b[0m"


def _cells(cells: Sequence[Any], blank: Any) -> str:
    parts = []
    before = blank
    for x, cell in enumerate(cells):
        if not cell.data and before.data and _is_wide(before.data):
            continue  # the second half of a wide character
        if x and cells[x - 1].data and _is_wide(cells[x - 1].data):
            parts.append(f"\x1b[{x + 1}G")  # its second half was overwritten
        if cell[1:] != before[1:]:
            parts.append(_style(cell))
        parts.append(cell.data or " ")
        before = cell
    return "".join(parts)


def _is_wide(text: str) -> bool:
    return unicodedata.east_asian_width(text[0]) in {"W", "F"}


def _style(cell: Any) -> str:
    codes = ["0", *(str(code) for name, code in _STYLES if getattr(cell, name))]
    codes += _colour(cell.fg, 30, 90, 38) + _colour(cell.bg, 40, 100, 48)
    return f"\x1b[{';'.join(codes)}m"


def _colour(name: str, base: int, bright: int, extended: int) -> list[str]:
    if name == "default":
        return []
    if name in _COLOURS:
        return [str(base + _COLOURS.index(name))]
    name = name.replace("bfight", "bright")  # so pyte 0.8.2 calls the background 105
    if name in _BRIGHT:
        return [str(bright + _BRIGHT.index(name))]
    return [f"{extended};2;{int(name[:2], 16)};{int(name[2:4], 16)};{int(name[4:6], 16)}"]


def notice(sentence: str, rows: int) -> bytes:
    """Return a line that says *sentence* and scrolls away, for a viewer that knows no control messages."""
    scroll = "\r\n" * rows
    return CANCEL + f"\x1b[!p\x1b[?1049l\x1b[{rows}H\r\n[batwa: {sentence}]{scroll}".encode()
