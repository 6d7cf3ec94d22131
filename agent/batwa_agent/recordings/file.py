"""One recording on disk. All of it blocks: for the writer's thread, and for threads that read."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from batwa_common.errors import NotFound
from batwa_common.wire.recording import Recording

from .recording import LINE_BYTES, Event, Recorder, Script, header, line

SUFFIX = ".cast"
_HEAD_BYTES = 16 << 10
"""No header is longer."""
_TAIL_BYTES = max(LINE_BYTES, _HEAD_BYTES)
"""So many bytes have the end of a line, wherever they are; at the end of a file, its whole last line."""
_FULL = "full"
_EXIT = "exit "


class Tape:
    """The file that a recorder's events go to; made with the first of them.

    Args:
        path: Where it is to be.
        recorder: Whose events.
        first_line: What stands at the top.
        max_bytes: Size at which it ends.
    """

    def __init__(self, path: Path, recorder: Recorder, first_line: bytes, *, max_bytes: int) -> None:
        self.path = path
        self.recorder = recorder
        self.size_bytes = 0
        self._first_line = first_line
        self.max_bytes = max_bytes
        self._script = Script()
        self._file: IO[bytes] | None = None

    def write(self, events: list[Event]) -> bool:
        """Append *events*; they are on disk, in whole lines, when this returns.

        Raises OSError; then nothing of them is in the file.

        Returns:
            Whether more can be written.
        """
        lines = self._script.lines(events)
        if self._file is None:
            self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 0)
            lines = self._first_line + lines
        is_full = self.size_bytes + len(lines) > self.max_bytes
        if is_full:
            fits = lines[: max(self.max_bytes - self.size_bytes, 0)]
            lines = fits[: fits.rfind(b"\n") + 1] + line(self._script.last_s, "m", _FULL)
        if lines:
            self._append(self._file, lines)
        return not is_full

    def _append(self, file: IO[bytes], lines: bytes) -> None:
        try:
            rest = memoryview(lines)
            while rest:
                rest = rest[file.write(rest) :]  # a disk that gets full takes a part, and says no word
            os.fsync(file.fileno())
        except OSError:
            file.truncate(self.size_bytes)
            raise
        self.size_bytes += len(lines)

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            self._file.close()


def first_line(
    *,
    recording_id: str,
    terminal_id: str,
    vm_name: str,
    created_by: str,
    rows: int,
    cols: int,
    with_input: bool,
) -> bytes:
    """Return the header of a new recording, which is all that `describe` later knows of its origin."""
    ours = {
        "id": recording_id,
        "terminal_id": terminal_id,
        "vm_name": vm_name,
        "created_by": created_by,
        "has_input": with_input,
    }
    now = int(datetime.now(UTC).timestamp())
    return header(rows=rows, cols=cols, timestamp=now, title=f"{vm_name} ({created_by})", ours=ours)


def repair(path: Path) -> None:
    """Cut off a last line that a crash left torn."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        kept = whole_bytes(file, size)
        if kept < size:
            file.truncate(kept)


def whole_bytes(file: IO[bytes], size: int) -> int:
    """Return how many of the first *size* bytes are whole lines."""
    begin = max(size - _TAIL_BYTES, 0)
    file.seek(begin)
    return begin + file.read(size - begin).rfind(b"\n") + 1


def describe(path: Path, *, is_live: bool) -> Recording:
    """Return what *path* says of itself. Raises `NotFound` if it is gone or no recording of ours."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            head = json.loads(file.readline(_HEAD_BYTES))
            size = whole_bytes(file, size)
            last = _last_event(file, size)
        return _recording(head, last, size, is_live=is_live)
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise NotFound(f"there is no readable recording {path.stem!r}") from err


def _last_event(file: IO[bytes], size: int) -> list[Any]:
    begin = max(size - _TAIL_BYTES, 0)
    file.seek(begin)
    last = file.read(size - begin).rstrip(b"\n").rpartition(b"\n")[2]
    event = json.loads(last)
    return event if isinstance(event, list) else [0.0, "m", ""]


def _recording(head: dict[str, Any], last: list[Any], size: int, *, is_live: bool) -> Recording:
    at_s, kind, text = last
    ours, mark = head["batwa"], str(text) if kind == "m" else ""
    code = mark.removeprefix(_EXIT)
    return Recording(
        id=ours["id"],
        terminal_id=ours["terminal_id"],
        vm_name=ours["vm_name"],
        state="recording" if is_live else "ended",
        created_at=datetime.fromtimestamp(head["timestamp"], UTC),
        created_by=ours["created_by"],
        duration_s=at_s,
        size_bytes=size,
        rows=head["height"],
        cols=head["width"],
        exit_code=int(code) if mark.startswith(_EXIT) and code.lstrip("-").isdigit() else None,
        has_input=bool(ours["has_input"]),
        is_full=mark == _FULL,
    )
