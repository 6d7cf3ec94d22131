"""All recordings of this machine: written by one thread, bounded in size, number of bytes and age."""

import asyncio
import contextlib
import os
import re
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

import structlog

from batwa_agent.terminals.terminal import Terminal
from batwa_common.errors import Conflict, NotFound
from batwa_common.wire.recording import Recording

from .file import SUFFIX, Tape, describe, first_line, repair, whole_bytes
from .recording import Event, Recorder

log = structlog.stdlib.get_logger(__name__)

FLUSH_S = 1.0
"""What a crash may cost of a recording."""
TIDY_S = 600.0
"""How often old ones are looked for, besides whenever one ends."""
CHUNK_BYTES = 64 << 10
T = TypeVar("T")
_ID = re.compile(r"(?P<agent>.+)~(?P<file>rec-[0-9a-f]{16})")


class Bounds(NamedTuple):
    """How much is kept."""

    max_bytes: int = 64 << 20
    """Of one recording; it ends there."""
    total_bytes: int = 2 << 30
    """Of all; the oldest that have ended go first, then the largest that are being written end, and go."""
    max_age_s: float = 30 * 86_400.0
    """Of one that has ended."""


class Recordings:
    """The directory of recordings.

    Args:
        directory: Where the files are; made if missing.
        agent_id: Begins every recording's id.
        bounds: How much is kept.
        always: Whether every terminal is recorded, asked for or not.
        wall_s: Wall clock in seconds, to compare with the files' times; tests pass their own.
    """

    def __init__(
        self,
        directory: Path,
        *,
        agent_id: str,
        bounds: Bounds,
        always: bool = False,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._agent_id = agent_id
        self.bounds = bounds
        self._wall_s = wall_s
        self._tapes: dict[str, Tape] = {}
        self._hurry = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recordings")
        self._tidy_at_s = 0.0
        self._total_bytes = 0  # what the last look found, and what was written since
        self.always = always

    async def load(self) -> None:
        """Mend what a crash left torn."""
        await self._off_loop(self._repair_all)

    def begin(
        self,
        *,
        terminal_id: str,
        vm_name: str,
        rows: int,
        cols: int,
        created_by: str,
        with_input: bool = False,
    ) -> Recorder:
        """Begin a recording. Touches no disk."""
        name = f"rec-{secrets.token_hex(8)}"
        recorder = Recorder(f"{self._agent_id}~{name}", with_input=with_input, hurry=self._hurry.set)
        head = first_line(
            recording_id=recorder.id,
            terminal_id=terminal_id,
            vm_name=vm_name,
            created_by=created_by,
            rows=rows,
            cols=cols,
            with_input=with_input,
        )
        self._tapes[recorder.id] = Tape(
            self._path(recorder.id), recorder, head, max_bytes=self.bounds.max_bytes
        )
        self._hurry.set()
        return recorder

    async def run(self) -> None:
        """Write what was recorded, each second and when much waits, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._hurry.wait()
            self._hurry.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits now."""
        for tape in list(self._tapes.values()):
            is_last = tape.recorder.is_over  # what comes during the write is the next one's
            if (events := tape.recorder.take()) or not tape.size_bytes:
                before = tape.size_bytes
                if not await self._off_loop(_write, tape, events):
                    is_last = True
                    tape.recorder.abandon()
                self._total_bytes += tape.size_bytes - before
            if is_last:
                await self._off_loop(tape.close)
                self._tapes.pop(tape.recorder.id, None)
                self._tidy_at_s = 0.0
        if self._wall_s() >= self._tidy_at_s or self._total_bytes > self.bounds.total_bytes:
            self._tidy_at_s, self._total_bytes = self._wall_s() + TIDY_S, 0
            try:
                await self._make_room()
            except OSError as err:  # a disk in trouble costs recordings, never the terminals
                log.warning("recordings.untidy", directory=str(self._directory), reason=str(err))

    async def _make_room(self) -> None:
        """Keep within the bounds. Raises OSError."""
        total = await self._off_loop(self._tidy)
        while total > self.bounds.total_bytes and self._tapes:
            await self._end_as_full(max(self._tapes.values(), key=lambda tape: tape.size_bytes))
            total = await self._off_loop(self._tidy)
        self._total_bytes += total

    async def _end_as_full(self, tape: Tape) -> None:
        tape.recorder.abandon()
        del self._tapes[tape.recorder.id]
        log.warning("recording.outgrown", recording=tape.recorder.id, size_bytes=tape.size_bytes)
        tape.max_bytes = 0  # to write nothing is enough now to have it say why it ends
        await self._off_loop(_write, tape, [])
        await self._off_loop(tape.close)

    async def stop(self) -> None:
        """Write the rest and close. Recordings whose terminals live on end here; those begin new ones."""
        for tape in self._tapes.values():
            tape.recorder.end(None)
        await self.flush()
        self._thread.shutdown(wait=False)

    async def find(self) -> list[Recording]:
        """Return all, newest first."""
        return await asyncio.to_thread(self._find)

    async def get(self, recording_id: str) -> Recording:
        """Return one. Raises `NotFound`."""
        path = self._path(recording_id)
        return await asyncio.to_thread(describe, path, is_live=recording_id in self._tapes)

    async def remove(self, recording_id: str) -> None:
        """Remove one for good. Raises `NotFound`, and `Conflict` while it is being written."""
        if recording_id in self._tapes:
            raise Conflict("this recording is still being written; end its terminal first")
        try:
            await asyncio.to_thread(self._path(recording_id).unlink)
        except FileNotFoundError:
            raise _absent(recording_id) from None
        log.info("recording.removed", recording=recording_id)

    async def read(self, recording_id: str) -> tuple[int, AsyncGenerator[bytes, None]]:
        """Return the size of a recording as it is now, and its bytes in chunks. Raises `NotFound`.

        The chunks must be read to their end, or the iterator closed.
        """
        path = self._path(recording_id)
        try:
            file, size = await asyncio.to_thread(_opened, path)
        except OSError:
            raise _absent(recording_id) from None
        return size, _chunks(file, size)

    def _path(self, recording_id: str) -> Path:
        match = _ID.fullmatch(recording_id)
        if match is None or match["agent"] != self._agent_id:
            raise _absent(recording_id)
        return self._directory / (match["file"] + SUFFIX)

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob(f"rec-*{SUFFIX}"))

    def _stats(self) -> Iterator[tuple[os.stat_result, Path]]:
        for path in self._files():
            with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                yield path.stat(), path

    def _repair_all(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._files():
            try:
                repair(path)
            except OSError as err:
                log.warning("recording.unreadable", file=str(path), reason=str(err))

    def _find(self) -> list[Recording]:
        found = []
        for path in self._files():
            recording_id = f"{self._agent_id}~{path.stem}"
            with contextlib.suppress(NotFound):  # removed meanwhile, or nothing of ours
                found.append(describe(path, is_live=recording_id in self._tapes))
        return sorted(found, key=lambda each: (each.created_at, each.id), reverse=True)

    def _tidy(self) -> int:
        """Remove what is too old or too much, but nothing that is being written. Returns what is left."""
        live = {tape.path for tape in list(self._tapes.values())}
        files = sorted(self._stats(), key=lambda each: each[0].st_mtime)
        total = sum(stat.st_size for stat, _ in files)
        for stat, path in files:
            too_old = self._wall_s() - stat.st_mtime > self.bounds.max_age_s
            if path not in live and (too_old or total > self.bounds.total_bytes):
                path.unlink(missing_ok=True)
                total -= stat.st_size
                log.info("recording.expired", recording=path.stem, size_bytes=stat.st_size)
        return total

    async def _off_loop(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def record(recordings: Recordings, terminal: Terminal, wants: bool | None) -> None:
    """Record *terminal* if it is wanted, or policy, or was recorded before the agent was restarted."""
    about = terminal.record
    if wants is None:
        wants = recordings.always or about.recording_id is not None
    if not wants:
        return
    recorder = recordings.begin(
        terminal_id=about.id,
        vm_name=about.vm_name,
        rows=terminal.size.rows,
        cols=terminal.size.cols,
        created_by=about.created_by,
        with_input=about.record_input,
    )
    terminal.tap, terminal.recording_id = recorder, recorder.id
    terminal.record = about.model_copy(update={"recording_id": recorder.id})


def _write(tape: Tape, events: list[Event]) -> bool:
    try:
        return tape.write(events)
    except OSError as err:
        log.warning("recording.failed", recording=tape.recorder.id, reason=str(err))
        return False


def _absent(recording_id: str) -> NotFound:
    return NotFound(f"there is no recording {recording_id!r} here; GET /api/recordings lists what there is")


def _opened(path: Path) -> tuple[IO[bytes], int]:
    file = path.open("rb")
    size = whole_bytes(file, os.fstat(file.fileno()).st_size)
    file.seek(0)
    return file, size


async def _chunks(file: IO[bytes], size: int) -> AsyncGenerator[bytes, None]:
    try:
        while size > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK_BYTES, size))):
            size -= len(chunk)
            yield chunk
    finally:
        file.close()
