"""One recording: what a terminal showed, as asciicast v2, kept in memory until the writer takes it.

Format: https://docs.asciinema.org/manual/asciicast/v2/ (a JSON header line, then one JSON array an event).
"""

import codecs
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

WAITING_BYTES = 1 << 20
"""Most that waits for the disk; what comes on top is left out of the recording, which says so."""
BUSY_BYTES = 128 << 10
"""Above it the disk is asked for at once, not at the next second."""
LINE_CHARS = 64 << 10
"""Most characters of an event that one line has; more stand in several lines, of one time."""
LINE_BYTES = 6 * LINE_CHARS + 64
"""Longest line of an event: a control character takes six bytes in JSON; the rest are fewer than 64."""


class Event(NamedTuple):
    """Something that happened in a terminal."""

    at_s: float
    """Since the recording began."""
    kind: str
    """`o` output, `i` input, `r` a new size, `m` a mark, as asciicast v2 has them."""
    data: bytes


class Recorder:
    """What a terminal tells its recording. No call blocks, waits or raises.

    Args:
        recording_id: Names the recording.
        with_input: Whether keys are recorded, passwords that are typed included.
        hurry: Called when much waits.
        now: Monotonic clock in seconds; tests pass their own.
    """

    def __init__(
        self,
        recording_id: str,
        *,
        with_input: bool = False,
        hurry: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = recording_id
        self.is_over = False
        self._with_input = with_input
        self._hurry = hurry
        self._now = now
        self._began_s = now()
        self._waiting: list[Event] = []
        self._waiting_bytes = 0
        self._missed_bytes = 0

    def output(self, data: bytes) -> None:
        """The terminal showed *data*."""
        self._add("o", data)

    def input(self, data: bytes) -> None:
        """Somebody typed *data*; forgotten at once unless input is recorded."""
        if self._with_input:
            self._add("i", data)

    def resize(self, *, rows: int, cols: int) -> None:
        """The terminal has this size now."""
        self._add("r", f"{cols}x{rows}".encode())

    def end(self, exit_code: int | None) -> None:
        """Nothing more comes. A second end is none."""
        if self.is_over:
            return
        self._tell_missed()
        self._add("m", b"ended" if exit_code is None else b"exit %d" % exit_code)
        self.is_over = True
        self._hurry()

    def abandon(self) -> None:
        """Nothing more can be written: forget what waits and what may come."""
        self.is_over = True
        self.take()

    def take(self) -> list[Event]:
        """Return what waits, and forget it."""
        self._tell_missed()
        events, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return events

    def _tell_missed(self) -> None:
        if self._missed_bytes:
            self._waiting.append(self._event("m", b"%d bytes are not recorded" % self._missed_bytes))
            self._missed_bytes = 0

    def _add(self, kind: str, data: bytes) -> None:
        if self.is_over:
            return
        if kind != "m" and self._waiting_bytes + len(data) > WAITING_BYTES:
            self._missed_bytes += len(data)
            return
        self._waiting.append(self._event(kind, data))
        before, self._waiting_bytes = self._waiting_bytes, self._waiting_bytes + len(data) + 32
        if before < BUSY_BYTES <= self._waiting_bytes:
            self._hurry()

    def _event(self, kind: str, data: bytes) -> Event:
        return Event(self._now() - self._began_s, kind, bytes(data))


class Script:
    """Events as lines of asciicast. A character whose bytes come in two events is told by the second.

    A mark ends what came before it: the bytes of a torn character are told there.
    """

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {kind: decoder("replace") for kind in "oi"}
        self.last_s = 0.0
        """When the last of them was."""

    def lines(self, events: list[Event]) -> bytes:
        """Return *events* as lines."""
        out = []
        for at_s, kind, data in events:
            self.last_s = max(self.last_s, at_s)
            if kind == "m":
                rests = ((torn, decoder.decode(b"", final=True)) for torn, decoder in self._decoders.items())
                out += [line(self.last_s, torn, rest) for torn, rest in rests if rest]
            decoder = self._decoders.get(kind)
            text = data.decode(errors="replace") if decoder is None else decoder.decode(data)
            for begin in range(0, len(text), LINE_CHARS):
                out.append(line(self.last_s, kind, text[begin : begin + LINE_CHARS]))
        return b"".join(out)


def line(at_s: float, kind: str, text: str) -> bytes:
    """Return one event as it stands in the file."""
    return json.dumps([round(at_s, 6), kind, text], ensure_ascii=False).encode() + b"\n"


def header(*, rows: int, cols: int, timestamp: int, title: str, ours: dict[str, Any]) -> bytes:
    """Return the first line of a file; *ours* is what players pass over."""
    fields = {"version": 2, "width": cols, "height": rows, "timestamp": timestamp, "title": title}
    return json.dumps({**fields, "env": {"TERM": "xterm-256color"}, "batwa": ours}).encode() + b"\n"
