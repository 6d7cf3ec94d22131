"""This terminal, given over to a shell elsewhere: raw keys, size, and everything back as it was."""

import asyncio
import contextlib
import os
import signal
import stat
import termios
import tty
from collections.abc import AsyncIterator, Iterator

KEYS, SCREEN = 0, 1
READ_BYTES = 64 << 10
LARGEST = 1000
"""Columns or lines that a terminal may have."""
ENDS = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end the program; the terminal is given back first."""


class Console:
    """Standard input and output, as bytes."""

    def __init__(self) -> None:
        self._watchable = stat.S_ISCHR(os.fstat(KEYS).st_mode) or stat.S_ISFIFO(os.fstat(KEYS).st_mode)
        self.is_terminal = os.isatty(KEYS)
        self._resized = asyncio.Event()
        self.told_to_end: int | None = None
        """The signal that did."""

    @contextlib.contextmanager
    def raw(self) -> Iterator[None]:
        """Take every key as it is typed while the block runs. Cancels the caller when told to end."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def end(number: int) -> None:
            self.told_to_end = number
            if task is not None:
                task.cancel()

        for number in ENDS:
            loop.add_signal_handler(number, end, number)
        loop.add_signal_handler(signal.SIGWINCH, self._resized.set)
        before = termios.tcgetattr(KEYS) if self.is_terminal else None
        try:
            if before is not None:
                tty.setraw(KEYS)
            yield
        finally:
            if before is not None:
                termios.tcsetattr(KEYS, termios.TCSADRAIN, before)
            for number in (*ENDS, signal.SIGWINCH):
                loop.remove_signal_handler(number)

    def size(self) -> os.terminal_size:
        """Return columns and lines; 80 by 24 where there is no terminal or it does not know."""
        try:
            columns, lines = os.get_terminal_size(KEYS)
        except OSError:
            columns, lines = 0, 0
        return os.terminal_size((min(columns, LARGEST) or 80, min(lines, LARGEST) or 24))

    async def sizes(self) -> AsyncIterator[os.terminal_size]:
        """Yield the size whenever it has changed."""
        while True:
            await self._resized.wait()
            self._resized.clear()
            yield self.size()

    async def keys(self) -> AsyncIterator[bytes]:
        """Yield what is typed, until the end of standard input. Nothing is read ahead of the consumer."""
        while True:
            if self._watchable:
                await self._readable()
                data = os.read(KEYS, READ_BYTES)  # there is something, so it does not wait
            else:
                data = await asyncio.to_thread(os.read, KEYS, READ_BYTES)
            if not data:
                return
            yield data

    async def show(self, data: bytes) -> None:
        """Write all of *data*; a screen that is held back holds the shell back."""
        await asyncio.to_thread(_write_all, data)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(KEYS, _set, ready)
        try:
            await ready
        finally:
            loop.remove_reader(KEYS)


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(SCREEN, view) :]
