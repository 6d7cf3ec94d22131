"""What a terminal shows, worked out from its log when somebody asks: emulating costs far more than copying.

The log is the memory: a screen is made by feeding what is kept to an emulator. What leaves the log is looked
through for modes only (alternate screen, title, mouse, …). A terminal whose output fills the log slowly gets
an emulator that keeps up, so that its screen is exact for ever; one that floods for longer than the log
reaches is exact in its modes and in all that it drew since `OutputLog.kept_from`.
"""

import asyncio
import re
import time
from typing import NamedTuple

from .emulator import ALTERNATE, Emulator
from .output_log import OutputLog
from .rendering import MODES, rendered
from .viewer import Size

SCAN_BYTES = 64 << 10
STEP_BYTES = 2 << 10
"""Most that is fed at once: of ordinary output about a millisecond of work between two turns of the loop."""
_FIRST_STEP_BYTES = 32
_STEP_S = 0.002
"""After a step that took longer the next is half as long: few bytes can be much work (ECH, REP, DECALN)."""
_AT_ONCE_S = 0.02
"""How long the loop may be held up for a terminal whose output nothing else can follow."""
_PAUSE_S = 0.01
"""Between two steps while nobody waits: what is done on the side takes little of the loop."""
_TRIES = 3
_LAST_RESORT_BYTES = 16 << 10
_SIZES = 64
_MARKS = (b"\x1b[?", b"\x1b]", b"\x1bc", b"\x1b=", b"\x1b>", b"\x1b(", b"\x1b)")
_MODE = re.compile(
    rb"\x1b\[\?(?P<numbers>[0-9;]+)(?P<how>[hl])|\x1b\](?P<osc>[02]);[^\x07\x1b]*(?:\x07|\x1b\\)"
)
_OTHER = re.compile(rb"\x1b(?:[=>c]|[()][0-9A-Z])")
_CLEARS = re.compile(rb"\x1b\[H\x1b\[[02]?J|\x1b\[2J\x1b\[H")
_LONGEST_MODE = 256
_KEPT_MODES = frozenset(str(number).encode() for number in (*MODES, *ALTERNATE))


class Picture(NamedTuple):
    """A rendered screen."""

    offset: int
    """Of the first output byte that is not in it."""
    data: bytes


class Modes:
    """What stays set when the bytes that set it are forgotten: bytes in, the few that set the same out."""

    def __init__(self) -> None:
        self._private: dict[bytes, bytes] = {}
        self._title = b""
        self._others: dict[bytes, bytes] = {}
        self._held = b""

    @property
    def is_cut(self) -> bool:
        """Whether the end of what was fed may be the beginning of a sequence."""
        return bool(self._held)

    def feed(self, data: bytes) -> None:
        """Look through *data*, which follows what was looked through before."""
        data = self._held + data
        at = data.rfind(b"\x1b", max(0, len(data) - _LONGEST_MODE))
        self._held = b"" if at < 0 else data[at:]
        data = data if at < 0 else data[:at]
        if b"\x1b" in data and any(mark in data for mark in _MARKS):  # the first is far the cheapest
            for match in _MODE.finditer(data):
                if match["osc"] is not None:
                    self._title = match[0]
                else:
                    for number in match["numbers"].split(b";"):
                        if (number := number.lstrip(b"0")) in _KEPT_MODES:
                            self._private.pop(number, None)
                            self._private[number] = match["how"]
            for match in _OTHER.finditer(data):
                self._others[match[0][1:2].replace(b">", b"=")] = match[0]

    def sequence(self) -> bytes:
        """Return what sets all of it, and then what was cut in the middle."""
        modes = b"".join(b"\x1b[?" + number + how for number, how in self._private.items())
        others = b"".join(value for kind, value in self._others.items() if kind != b"c")
        return self._title + modes + others + self._held

    def copy(self) -> "Modes":
        """Return the same, to go on from here."""
        other = Modes()
        other._private, other._title = dict(self._private), self._title
        other._others, other._held = dict(self._others), self._held
        return other


class Screen:
    """What the terminal behind *output* shows; nothing but numbers until somebody asks."""

    def __init__(self, output: OutputLog, size: Size) -> None:
        self._log = output
        self._sizes = [(output.kept_from, size)]
        self._modes = Modes()
        self._scanned = output.kept_from
        self._emulator: Emulator | None = None
        self._fed = 0
        self._step_bytes = _FIRST_STEP_BYTES
        self._busy = asyncio.Lock()
        self._is_awaited = False
        self.note()  # an adopted log may be full: what comes next makes it forget

    def note(self) -> None:
        """`OutputLog.burst_bytes` at most have come: look through what the log is about to forget."""
        log = self._log
        while log.end - self._scanned > log.keep_bytes - log.burst_bytes:
            stop = min(self._scanned + SCAN_BYTES, log.end)
            if self._modes.is_cut or log.has(b"\x1b", self._scanned, stop):
                self._modes.feed(log.read(self._scanned, stop))
            self._scanned = stop

    def resize(self, size: Size) -> None:
        """The terminal has another size from here on."""
        self._sizes = [*self._sizes[-_SIZES:], (self._log.end, size)]

    @property
    def wants_following(self) -> bool:
        """Whether the emulator should be brought up to date before the log forgets what it has not seen."""
        return self._log.end - max(self._fed, self._log.kept_from) > self._log.keep_bytes // 2

    async def render(self) -> Picture:
        """Return the screen as it is, or was a moment ago: `Picture.offset` is still kept."""
        self._is_awaited = True
        async with self._busy:
            try:
                for _ in range(_TRIES):
                    target = self._log.end
                    emulator = await self._advanced(target)
                    if emulator is not None and target >= self._log.kept_from:
                        return Picture(target, rendered(emulator))
                return self._at_once()
            finally:
                self._is_awaited = False

    async def follow(self) -> None:
        """Bring the emulator up to date, little by little; a flood may outrun it."""
        async with self._busy:
            await self._advanced(self._log.end)

    async def _advanced(self, target: int) -> Emulator | None:
        emulator = self._begun(target)
        while self._fed < target:
            if self._fed < self._log.kept_from:
                self._emulator = None
                return None
            self._step(emulator, target)
            await asyncio.sleep(0 if self._is_awaited else _PAUSE_S)
        if target < self._log.keep_bytes // 2:
            self._emulator = None  # all of it is still kept, and an emulator takes memory
        return emulator

    def _begun(self, target: int) -> Emulator:
        if self._emulator is None or self._fed < self._log.kept_from:
            start, modes = self._start(target)
            self._emulator = Emulator(*self._size_at(start))
            self._emulator.feed(modes.sequence())
            self._fed = start
        return self._emulator

    def _start(self, target: int) -> tuple[int, Modes]:
        """Return from where the screen at *target* can be worked out, and the modes there."""
        modes, start = self._modes, self._scanned
        if target - start <= SCAN_BYTES:
            return start, modes
        kept = self._log.read(start, target)
        at = max((match.start() for match in _CLEARS.finditer(kept)), default=0)
        rows, cols = self._size_at(target)
        plain = max(
            0, len(kept) - 3 * rows * (cols + 2)
        )  # so much plain text covers a screen, wherever it begins
        if plain > at and b"\x1b" not in kept[plain:]:
            at = plain
        if at:
            modes = modes.copy()
            modes.feed(kept[:at])
        return start + at, modes

    def _at_once(self) -> Picture:
        """Say what can be said in a moment of a terminal that floods faster than it can be emulated."""
        target = self._log.end
        start = max(self._log.kept_from, target - _LAST_RESORT_BYTES)
        modes = self._modes.copy()
        modes.feed(self._log.read(max(self._scanned, self._log.kept_from), start))
        self._emulator = Emulator(*self._size_at(start))
        self._emulator.feed(modes.sequence())
        self._fed = start
        until_s = time.monotonic() + _AT_ONCE_S
        while self._fed < target and time.monotonic() < until_s:
            self._step(self._emulator, target)
        return Picture(self._fed, rendered(self._emulator))

    def _step(self, emulator: Emulator, target: int) -> None:
        began_s = time.monotonic()
        self._feed(emulator, min(self._fed + self._step_bytes, target))
        was_long = time.monotonic() - began_s > _STEP_S
        self._step_bytes = (
            max(1, self._step_bytes // 2) if was_long else min(STEP_BYTES, self._step_bytes * 2)
        )

    def _feed(self, emulator: Emulator, stop: int) -> None:
        for at, size in self._sizes:
            if self._fed < at <= stop:
                emulator.feed(self._log.read(self._fed, at))
                self._fed = at
            if (
                at <= self._fed
                and (emulator.lines, emulator.columns) != size
                and self._size_at(self._fed) == size
            ):
                emulator.set_size(*size)
        emulator.feed(self._log.read(self._fed, stop))
        self._fed = stop

    def _size_at(self, offset: int) -> Size:
        found = self._sizes[0][1]
        for at, size in self._sizes:
            if at <= offset:
                found = size
        return found
