"""A program with three pipes, started off the loop, read with backpressure."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import IO

from batwa_common.errors import DriverUnavailable

READ_BYTES = 64 << 10
BUFFER_BYTES = 64 << 10
"""Read ahead of whoever takes it, of each stream."""
KILL_S = 5.0
_WRITE_BYTES = 64 << 10


class _Stdin(asyncio.BaseProtocol):
    """Knows whether the program takes more input."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()

    def pause_writing(self) -> None:
        self.free.clear()

    def resume_writing(self) -> None:
        self.free.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # it has closed its input: that is no failure
        self.free.set()


class ExecProcess:
    """A running program. `close` it whatever happens."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self._child = child
        self._transports: list[asyncio.BaseTransport] = []
        self._stdin = _Stdin()
        self._input: asyncio.WriteTransport | None = None
        self.stdout = asyncio.StreamReader(limit=BUFFER_BYTES)
        self.stderr = asyncio.StreamReader(limit=BUFFER_BYTES)

    @classmethod
    async def start(cls, argv: Sequence[str], env: Mapping[str, str]) -> "ExecProcess":
        """Start *argv*. Raises `DriverUnavailable`."""
        starting = asyncio.ensure_future(asyncio.to_thread(_popen, argv, env))
        try:
            process = cls(await asyncio.shield(starting))
        except asyncio.CancelledError:
            with suppress(DriverUnavailable):  # a fork cannot be called back
                await cls(await starting).close()
            raise
        try:
            await process._connect()
        except BaseException:
            await process.close()
            raise
        return process

    async def feed(self, data: AsyncIterator[bytes]) -> None:
        """Write *data* as the program takes it, then close its input."""
        if self._input is None:
            return
        async for chunk in data:
            for begin in range(0, len(chunk), _WRITE_BYTES):
                await self._stdin.free.wait()
                if self._input.is_closing():
                    return
                self._input.write(chunk[begin : begin + _WRITE_BYTES])
        self._input.close()

    async def exit_code(self) -> int:
        """Wait for the end; negative is the signal that ended it."""
        pause_s = 0.001
        while (code := self._child.poll()) is None:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.05)
        return code

    async def close(self) -> None:
        """Kill it if it runs, and reap it."""
        for transport in self._transports:
            transport.close()
        if not self._transports:
            for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
                if pipe is not None:
                    pipe.close()
        if self._child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            with suppress(TimeoutError):
                async with asyncio.timeout(KILL_S):
                    await self.exit_code()

    async def _connect(self) -> None:
        for reader, pipe in ((self.stdout, self._child.stdout), (self.stderr, self._child.stderr)):
            await self._connect_reader(reader, pipe)
        loop = asyncio.get_running_loop()
        self._input, _ = await loop.connect_write_pipe(lambda: self._stdin, self._child.stdin)
        self._transports.append(self._input)

    async def _connect_reader(self, reader: asyncio.StreamReader, pipe: IO[bytes] | None) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        self._transports.append(transport)


def _popen(argv: Sequence[str], env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
            cwd="/",  # a directory that is mounted in the VM would become the command's
            start_new_session=True,
        )
    except OSError as err:
        raise DriverUnavailable(f"{argv[0]} cannot be started: {err.strerror}") from err
