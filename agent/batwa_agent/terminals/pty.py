"""The master side of one pseudo-terminal, driven from the event loop; no child holds it up beyond a turn."""

import asyncio
import fcntl
import os
import termios
import time
from collections.abc import Callable

from .output_log import OutputLog
from .turns import PIECE_BYTES, TYPING, Turn, Turns

_SMALL_BYTES = 2048
"""A read that brings less has emptied the terminal."""
_WRITE_BYTES = 64 << 10
_NONE = bytes(4)
"""What FIONREAD says of an empty terminal."""


class Pty:
    """A terminal's master side, paused until `resume`. What is read goes straight into *output*.

    *on_output* is told after some of it was added, and may call `pause`; *on_end* is called once, after the
    last of it, when no process has the terminal any more.
    """

    def __init__(
        self,
        master: int,
        output: OutputLog,
        *,
        turns: Turns,
        on_output: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        self._fd = master
        self._log = output
        self._turns = turns
        self._on_output = on_output
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._ready = bytearray(4)  # written to by FIONREAD; given `bytes`, ioctl parses its arguments twice
        self._reading = False
        self._has_turn = False
        self._floods = False
        self._unshown = 0
        self._over = False
        self._closed = False
        self._writable: asyncio.Future[None] | None = None

    def pause(self) -> None:
        """Read no more for now; the child stops when the kernel's buffer is full."""
        if self._reading:
            self._reading = False
            if not self._has_turn:
                self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        """Read on."""
        if not self._reading and not self._over:
            self._reading = True
            if not self._has_turn:
                self._wait()

    def write(self, data: memoryview) -> memoryview:
        """Type *data*; return what the child does not take now. Once it has ended all is dropped."""
        self._turns.typed(self, len(data))
        while data and not self._over:
            try:
                data = data[os.write(self._fd, data[:_WRITE_BYTES]) :]
            except BlockingIOError:
                return data
            except OSError:  # it has ended; reading notices and tells
                break
        return data[:0]

    async def writable(self) -> None:
        """Wait until the child takes input again, or has ended."""
        if self._over:
            return
        if self._writable is None or self._writable.done():
            self._writable = self._loop.create_future()
            self._loop.add_writer(self._fd, self._now_writable)
        await asyncio.shield(self._writable)

    def resize(self, *, rows: int, cols: int) -> None:
        """Tell the child its terminal changed size: it gets SIGWINCH."""
        if not self._over:
            termios.tcsetwinsize(self._fd, (rows, cols))

    def close(self) -> None:
        """Let go of the terminal; if nobody else holds it, its processes are hung up. Safe to call twice."""
        self._stop()
        if not self._closed:
            self._closed = True
            os.close(self._fd)

    def take_turn(self, turn: Turn) -> bool:
        """Read for `Turns`."""
        if self._unshown > turn.gather_bytes or not self._reading:
            self._show()
        if self._reading:
            self._read(turn)
            if self._floods and self._reading:
                return True
        self._has_turn = False
        if self._reading:
            self._wait()
        return False

    def _wait(self) -> None:
        if self._floods:
            self._has_turn = True
            self._turns.add(self)
        else:
            self._loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        self._read(TYPING)
        if self._floods and self._reading:
            self._loop.remove_reader(self._fd)
            self._wait()

    def _read(self, turn: Turn) -> None:
        total = 0
        ended = False
        until_s = time.monotonic() + turn.wait_s if turn.wait_s else None
        most_bytes = min(turn.most_bytes, self._log.burst_bytes)
        while (left := most_bytes - total) >= PIECE_BYTES:
            room = self._log.room(left)
            try:
                if until_s is not None and not self._comes(until_s):
                    break
                count = os.readv(self._fd, (room,))
            except BlockingIOError:
                break
            except OSError:  # EIO is how Linux spells end of file on a pty
                count = 0
            if not count:
                ended = True
                break
            self._log.took(count)
            total += count
            if count < _SMALL_BYTES and count < len(room):
                break
        self._floods = total > turn.calm_bytes
        self._unshown += total
        if ended or not self._floods or self._unshown >= turn.gather_bytes:
            self._show()
        if ended:
            self._stop()
            self._on_end()

    def _show(self) -> None:
        if self._unshown:
            self._unshown = 0
            self._on_output()

    def _comes(self, until_s: float) -> bool:
        """Wait awake for more; a read that finds nothing sleeps until the kernel's worker brings it."""
        while True:
            fcntl.ioctl(self._fd, termios.FIONREAD, self._ready)
            if self._ready != _NONE:
                return True
            if time.monotonic() > until_s:
                return False
            os.sched_yield()  # the worker, or the child, may wait for this processor

    def _now_writable(self) -> None:
        self._loop.remove_writer(self._fd)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def _stop(self) -> None:
        if not self._over:
            self._over = True
            self._reading = False
            self._loop.remove_reader(self._fd)
            self._now_writable()
            self._show()
