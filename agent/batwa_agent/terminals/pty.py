"""One process on one pseudo-terminal, driven from the event loop. Nothing here waits for the child."""

import asyncio
import os
import shutil
import signal
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from .turns import Turns

READ_BYTES = 64 << 10
"""Most that is taken at once: one frame for it, then the others' turn."""
_FLOOD_BYTES = 16 << 10
"""Who brings this much at once takes turns with the others who do."""
_SMALL_BYTES = 2048
"""A read that brings less has emptied the terminal; Linux hands its output out in pieces of 4 KiB."""
_HANG_UP_S = 2.0
"""What a process gets to leave after SIGHUP, before SIGKILL."""
_KILL_S = 5.0
_WRITE_BYTES = 64 << 10


class Pty:
    """A running terminal, paused until `resume`.

    *on_output* gets each chunk in order, and may call `pause`; *on_end* is called once, after the last
    of it, when the process has left its terminal.
    """

    @classmethod
    async def open(
        cls,
        argv: Sequence[str],
        *,
        rows: int,
        cols: int,
        env: Mapping[str, str],
        turns: Turns,
        on_output: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> "Pty":
        """Start *argv* on a new terminal of that size, no shell involved. Raises OSError."""
        master, pid = await asyncio.to_thread(_spawn, argv, rows, cols, env)
        return cls(master, pid, turns=turns, on_output=on_output, on_end=on_end)

    def __init__(
        self,
        master: int,
        pid: int,
        *,
        turns: Turns,
        on_output: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        self.pid = pid
        self._fd = master
        self._turns = turns
        self._on_output = on_output
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._reading = False
        self._has_turn = False
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
                self._loop.add_reader(self._fd, self._readable)

    def write(self, data: memoryview) -> memoryview:
        """Type *data*; return what the child does not take now. Once it has ended all is dropped."""
        while data and not self._over:
            try:
                data = data[os.write(self._fd, data[:_WRITE_BYTES]) :]
            except BlockingIOError:
                return data
            except OSError:  # it has ended; reading notices and tells
                break
        return data[:0]

    async def writable(self) -> None:
        """Wait until the child takes input again, or has ended. For one caller at a time."""
        if self._over:
            return
        self._writable = self._loop.create_future()
        self._loop.add_writer(self._fd, self._now_writable)
        try:
            await self._writable
        finally:
            if not self._over:
                self._loop.remove_writer(self._fd)

    def resize(self, *, rows: int, cols: int) -> None:
        """Tell the child its terminal changed size: it gets SIGWINCH."""
        if not self._over:
            termios.tcsetwinsize(self._fd, (rows, cols))

    async def close(self) -> None:
        """Hang up, then kill if that is ignored; returns once the child is reaped. Safe to call twice."""
        self._stop()
        if self._closed:
            return
        self._closed = True
        os.close(self._fd)
        for number, within_s in ((signal.SIGHUP, _HANG_UP_S), (signal.SIGKILL, _KILL_S)):
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            if await self._reaped(within_s):
                return

    def take_turn(self) -> bool:
        """Read one quantum for `Turns`."""
        flooding = self._reading and self._read() >= _FLOOD_BYTES
        if flooding and self._reading:
            return True
        self._has_turn = False
        if self._reading:
            self._loop.add_reader(self._fd, self._readable)
        return False

    def _readable(self) -> None:
        if self._read() >= _FLOOD_BYTES and self._reading:
            self._loop.remove_reader(self._fd)
            self._has_turn = True
            self._turns.add(self)

    def _read(self) -> int:
        pieces: list[bytes] = []
        total = 0
        ended = False
        while total < READ_BYTES:
            try:
                piece = os.read(self._fd, READ_BYTES - total)
            except BlockingIOError:
                break
            except OSError:  # EIO is how Linux spells end of file on a pty
                piece = b""
            if not piece:
                ended = True
                break
            pieces.append(piece)
            total += len(piece)
            if len(piece) < _SMALL_BYTES:
                break
        if pieces:
            self._on_output(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if ended:
            self._stop()
            self._on_end()
        return total

    def _now_writable(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def _stop(self) -> None:
        if not self._over:
            self._over = True
            self._reading = False
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._now_writable()

    async def _reaped(self, within_s: float) -> bool:
        give_up_at = self._loop.time() + within_s
        pause_s = 0.001
        while True:
            if _is_reaped(self.pid):
                return True
            if self._loop.time() > give_up_at:
                return False
            await asyncio.sleep(pause_s)
            pause_s = min(0.05, 2 * pause_s)


def _is_reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _spawn(argv: Sequence[str], rows: int, cols: int, env: Mapping[str, str]) -> tuple[int, int]:
    """Return (master, pid). Between fork and exec runs no Python: a threaded daemon may not survive that."""
    if (program := shutil.which(argv[0], path=env.get("PATH"))) is None:
        raise FileNotFoundError(f"{argv[0]} is not an executable program")
    master, slave = os.openpty()
    try:
        os.set_blocking(master, False)
        termios.tcsetwinsize(slave, (rows, cols))
        name = os.ttyname(slave)
        pid = os.posix_spawn(
            program,
            list(argv),
            dict(env),
            # the first terminal that a session leader opens becomes its controlling one
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, name, os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 1),
                (os.POSIX_SPAWN_DUP2, 0, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM],
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    return master, pid
