"""What Multipass draws while it works, as phases and percents. Pure: bytes in, changes out."""

import re
from collections.abc import Iterator

from batwa_agent.driver import Progress

_TOKEN = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[^\[\]])|[\x08\r\n]")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]{0,32}[ -/]{0,4}|\][^\x07\x1b]{0,256}\x1b?)?\Z")
_ERASE = b"\x1b[2K"
_LINE_BYTES = 512
_ON_AN_INSTANCE = re.compile(
    r"(Creating|Configuring|Starting|Stopping|Restarting|Suspending|Preparing image)(?: for)? \S+"
)
_PERCENT = re.compile(rb"(?P<phase>[^%:]+): *(?P<percent>\d{1,3})%")


class ProgressParser:
    """Reads the stream of one call, in chunks of any size, and tells each change once.

    Multipass writes a phase and two blanks, then turns a spinner behind it (a backspace and one character,
    again and again), and erases the line when the phase is over; a download is a line such as
    `Retrieving image: 12%` written over.
    """

    def __init__(self) -> None:
        self._unread = b""
        self._line = b""
        self._last: Progress | None = None

    def feed(self, chunk: bytes) -> list[Progress]:
        """Return what is new after *chunk*. Never raises; what it does not know it passes over."""
        return [progress for seen in self._seen(chunk) if (progress := self._changed(seen))]

    def _seen(self, chunk: bytes) -> Iterator[Progress]:
        data = self._unread + chunk
        half = _UNFINISHED.search(data)
        end = half.start() if half else len(data)
        self._unread = data[end:]
        start = 0
        for token in _TOKEN.finditer(data, 0, end):
            yield from self._text(data[start : token.start()])
            yield from self._control(token[0])
            start = token.end()
        yield from self._text(data[start:end])

    def _text(self, text: bytes) -> Iterator[Progress]:
        *percents, rest = text.split(b"%")
        for part in percents:
            self._line = (self._line + part + b"%")[-_LINE_BYTES:]
            if match := _PERCENT.fullmatch(self._line):
                yield Progress(_words(match["phase"]), min(100.0, float(match["percent"])))
        self._line = (self._line + rest)[-_LINE_BYTES:]

    def _control(self, token: bytes) -> Iterator[Progress]:
        if token == b"\x08":
            if phase := _words(self._line):
                yield Progress(phase)
            self._line = self._line[:-1]
        elif token in (b"\r", b"\n", _ERASE):
            if token != _ERASE and self._line.startswith(b"Launched: "):
                yield Progress("Launched")
            self._line = b""

    def _changed(self, seen: Progress) -> Progress | None:
        if seen == self._last:
            return None
        self._last = seen
        return seen


def _words(line: bytes) -> str:
    """Return the phase in *line*, without the spinner and the instance's name."""
    text = line.decode("utf-8", "replace").rstrip(" /-\\|").strip().rstrip(":")
    match = _ON_AN_INSTANCE.fullmatch(text)
    return match[1] if match else text
