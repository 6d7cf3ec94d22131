"""Which modes of the terminal a program in a VM has switched on, so that leaving can switch them off."""

import re

_SWITCH = re.compile(rb"\x1b\[\?([0-9;]{1,32})([hl])")
_LONGEST = 36
"""Bytes of the longest switch that is looked for; it may come in two pieces."""
_WATCHED = frozenset({9, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1047, 1049, 2004})
"""DEC private modes: mouse, other screen, bracketed paste. Source: xterm's "Control Sequences"."""
_CURSOR = 25
"""This one is on by rights."""


class Modes:
    """Fed with what is shown, it knows what to undo."""

    def __init__(self) -> None:
        self._on: set[int] = set()
        self._cursor = True
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Take what is being shown."""
        text = self._rest + chunk
        end = 0
        for found in _SWITCH.finditer(text):
            end = found.end()
            on = found[2] == b"h"
            for word in found[1].split(b";"):
                self._switch(int(word or b"0"), on=on)
        self._rest = text[max(end, len(text) - _LONGEST) :]

    def undo(self) -> bytes:
        """Return what brings the terminal back; empty when nothing is to be undone."""
        undone = b"".join(b"\x1b[?%dl" % mode for mode in sorted(self._on))
        if not self._cursor:
            undone += b"\x1b[?%dh" % _CURSOR
        return undone + b"\x1b[0m" if undone else b""

    def _switch(self, mode: int, *, on: bool) -> None:
        if mode == _CURSOR:
            self._cursor = on
        elif mode in _WATCHED:
            (self._on.add if on else self._on.discard)(mode)
