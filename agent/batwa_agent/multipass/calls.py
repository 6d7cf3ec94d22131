"""Run one program on a pseudo-terminal to its end, with a deadline and bounded output.

pexpect owns the process; the event loop reads. Nothing here knows Multipass.
"""

import asyncio
import os
import shutil
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import pexpect

from batwa_common.errors import DriverFailed, DriverTimeout, DriverUnavailable

OUTPUT_BYTES = 4 << 20
"""More than 10,000 VMs take in a list; beyond it the program is not telling us anything."""
GRACE_S = 1.0
"""What a program gets after the hang-up, and again after SIGTERM, to end by itself."""
_READ_BYTES = 64 << 10
_WINDOW = (24, 500)
"""Rows and columns: wide, so that no line of ours wraps."""


class Answer(NamedTuple):
    """What a program said and how it ended."""

    exit: int
    """Its exit code; negative is the signal that ended it."""
    output: bytes
    """Standard output and error as they came, terminal control included."""


async def run(
    argv: Sequence[str],
    *,
    what: str,
    env: Mapping[str, str],
    deadline_s: float,
    on_output: Callable[[bytes], None] | None = None,
    limit_bytes: int = OUTPUT_BYTES,
) -> Answer:
    """Run *argv* and return its answer; *on_output* gets each chunk as it comes, *what* names it in errors.

    Whatever ends this call, cancellation included, the program is hung up, asked by SIGTERM, killed, and
    reaped before it returns. Raises `DriverUnavailable` if it cannot be started, `DriverTimeout` past
    *deadline_s*, and `DriverFailed` beyond *limit_bytes* of output.
    """
    child = await _spawned(argv, env)
    reader = _Reader(child.child_fd, what, on_output, limit_bytes=limit_bytes)
    try:
        async with asyncio.timeout(deadline_s):
            await reader.ended
            await _exit_of(child)
    except TimeoutError:
        raise DriverTimeout(f"{what} has not answered for {deadline_s:g} s") from None
    finally:
        reader.stop()
        await asyncio.shield(asyncio.ensure_future(_end(child)))
    code = child.exitstatus
    return Answer(-(child.signalstatus or 0) if code is None else code, bytes(reader.output))


class _Reader:
    """Collects what a terminal says; `ended` is done at its end of file."""

    def __init__(
        self, fd: int, what: str, on_output: Callable[[bytes], None] | None, *, limit_bytes: int
    ) -> None:
        self.output = bytearray()
        self._fd = fd
        self._what = what
        self._on_output = on_output
        self._limit_bytes = limit_bytes
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._readable)

    def stop(self) -> None:
        """Read no more. Stopping twice is fine."""
        self._loop.remove_reader(self._fd)
        self.ended.cancel()

    def _readable(self) -> None:
        try:
            chunk = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # EIO is how Linux spells end of file on a pty
            chunk = b""
        if not chunk:
            self._settle(None)
            return
        if len(self.output) + len(chunk) > self._limit_bytes:
            limit_kib = self._limit_bytes >> 10
            self._settle(DriverFailed(f"{self._what} said more than {limit_kib} KiB and was stopped"))
            return
        self.output += chunk
        self._tell(chunk)

    def _tell(self, chunk: bytes) -> None:
        if self._on_output is None:
            return
        try:
            self._on_output(chunk)
        except Exception as err:  # whatever it is, it ends this call and not a callback of the loop
            self._settle(err)

    def _settle(self, err: Exception | None) -> None:
        self._loop.remove_reader(self._fd)
        if self.ended.done():
            return
        if err is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(err)


def _fork(argv: Sequence[str], env: Mapping[str, str]) -> "pexpect.spawn[bytes]":
    """Find the program and start it; blocks, so not on the loop."""
    if (path := shutil.which(argv[0], path=env.get("PATH", os.defpath))) is None:
        raise DriverUnavailable(
            f"{argv[0]} is not there or cannot be run; install Multipass, or set "
            "BATWA_AGENT_MULTIPASS to the program or its path"
        )
    try:
        return _spawn(path, argv[1:], env)
    except (OSError, pexpect.ExceptionPexpect) as err:
        _bury_unborn(err)
        raise DriverUnavailable(f"{path} is there and cannot be started: {err}") from None


def _spawn(path: str, arguments: Sequence[str], env: Mapping[str, str]) -> "pexpect.spawn[bytes]":
    ours = os.getpid()
    try:
        return pexpect.spawn(path, list(arguments), env=dict(env), dimensions=_WINDOW, timeout=None)
    finally:
        # Killed meanwhile, we take the terminal with us on which the child was to become the program. It
        # must not live on as a second agent that holds our files and locks.
        if os.getpid() != ours:
            os._exit(127)


def _bury_unborn(err: Exception) -> None:
    # ptyprocess 0.7 leaves the child of a failed exec a zombie and its terminal open; only the
    # frame that raised still knows them.
    for frame, _ in traceback.walk_tb(err.__traceback__):
        unborn = frame.f_locals.get("inst")
        if frame.f_code.co_name == "spawn" and unborn is not None:
            unborn.fileobj.close()
            unborn.wait()


async def _spawned(argv: Sequence[str], env: Mapping[str, str]) -> "pexpect.spawn[bytes]":
    forking = asyncio.ensure_future(asyncio.to_thread(_fork, argv, env))
    try:
        return await asyncio.shield(forking)
    except asyncio.CancelledError:
        # A fork cannot be called back: wait for it, so that its process does not stay behind.
        with suppress(DriverUnavailable):
            await _end(await forking)
        raise


async def _exit_of(child: "pexpect.spawn[bytes]") -> None:
    """Wait until *child* has ended, and reap it."""
    delay_s = 0.001
    while child.isalive():
        await asyncio.sleep(delay_s)
        delay_s = min(2 * delay_s, 0.05)


async def _end(child: "pexpect.spawn[bytes]") -> None:
    """Hang up, then ask, then kill; returns once *child* is reaped, or unkillable for another while."""
    terminal: Any = child  # the stubs leave `ptyproc` out
    await asyncio.to_thread(terminal.ptyproc.fileobj.close)  # the last close of our side is the hang-up
    for sign in (signal.SIGTERM, signal.SIGKILL, None):
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await _exit_of(child)
            break
        if sign is not None and child.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, sign)
    if not child.isalive():
        terminal.ptyproc.delayafterclose = 0.0  # a pause for programs that have not ended yet
        await asyncio.to_thread(child.close)
