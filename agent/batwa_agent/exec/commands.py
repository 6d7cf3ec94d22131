"""Commands in VMs: run to their true exit code, with bounded time and output, and ended in the VM too."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

import structlog

from batwa_agent.multipass.failures import failure
from batwa_common.errors import DriverFailed, DriverTimeout, DriverUnavailable, Unavailable, VmStateConflict
from batwa_common.wire.exec import Exec, ExecResult
from batwa_common.wire.vm import Vm

from .process import ExecProcess
from .source import Source
from .wrapper import ENDED_AFTER_S, Wrapped

log = structlog.stdlib.get_logger(__name__)

LOGIN_S = 60.0
"""How long a VM may take to let a command in; a frozen one never does."""
GRACE_S = ENDED_AFTER_S + 10.0
"""How long the VM may take to end a command whose time is up, and the caller to take what it said."""
CLOSED_S = 5.0
"""How long the program that runs commands may stay once it has closed its output."""
STOP_S = 15.0
"""How long ending a command in its VM may take, when nobody waits for it any more."""

Stream = Literal["stdout", "stderr"]
OnOutput = Callable[[Stream, bytes], Awaitable[None]]


class Outcome(NamedTuple):
    """How a command ended."""

    exit_code: int | None
    """None if it had to be given up."""
    timed_out: bool


class Commands:
    """Runs commands in VMs.

    Args:
        exec_argv: Returns the argv that runs a command in the VM of that name.
        env: The whole environment of that program.
        limit: Most commands at once.
        login_s: How long a VM may take to let a command in.
        grace_s: How long a command whose time is up may take to be over.
    """

    def __init__(
        self,
        *,
        exec_argv: Callable[[str, Sequence[str]], Sequence[str]],
        env: Mapping[str, str],
        limit: int,
        login_s: float = LOGIN_S,
        grace_s: float = GRACE_S,
    ) -> None:
        self._exec_argv = exec_argv
        self._env = env
        self.limit = limit
        self._login_s = login_s
        self._grace_s = grace_s
        self._running = 0

    async def run(self, vm: Vm, asked: Exec) -> ExecResult:
        """Run a command to its end, keeping what it says. Raises as `stream` does."""
        kept = {"stdout": bytearray(), "stderr": bytearray()}
        truncated = False

        async def keep(stream: Stream, data: bytes) -> None:
            nonlocal truncated
            room = asked.output_bytes - len(kept[stream])
            truncated = truncated or len(data) > room
            kept[stream] += data[:room]

        stdin = once((asked.stdin or "").encode())
        outcome = await self.stream(vm, asked.command, timeout_s=asked.timeout_s, stdin=stdin, on_output=keep)
        return ExecResult(
            exit_code=outcome.exit_code,
            timed_out=outcome.timed_out,
            stdout=kept["stdout"].decode(errors="replace"),
            stderr=kept["stderr"].decode(errors="replace"),
            truncated=truncated,
        )

    async def stream(
        self,
        vm: Vm,
        command: Sequence[str],
        *,
        timeout_s: float,
        stdin: AsyncIterator[bytes],
        on_output: OnOutput,
        on_start: Callable[[], Awaitable[None]] | None = None,
    ) -> Outcome:
        """Run a command; *on_output* gets what it says, and holds it back by taking its time.

        When this is cancelled, or *on_output* raises, the command is ended in its VM too, where that is
        still possible. Raises `VmStateConflict` (Multipass would start a VM that does not run),
        `Unavailable` (too many), `DriverTimeout` (the VM lets nobody in), `DriverFailed` (the
        connection was lost) and what `multipass exec` fails with.
        """
        must_run(vm)
        if self._running >= self.limit:
            raise Unavailable(f"{self.limit} commands run here, the most allowed; try again shortly.")
        wrapped = Wrapped(command, timeout_s=timeout_s)
        self._running += 1
        try:
            process = await ExecProcess.start(self._exec_argv(vm.name, wrapped.argv), self._env)
            run = _Run(process, wrapped, on_output)
            try:
                return await run.outcome(
                    stdin, login_s=self._login_s, within_s=timeout_s + self._grace_s, on_start=on_start
                )
            finally:
                await asyncio.shield(asyncio.ensure_future(self._end(vm, process, wrapped)))
        finally:
            self._running -= 1

    async def _end(self, vm: Vm, process: ExecProcess, wrapped: Wrapped) -> None:
        """End the command in the VM first: once its connection is gone nobody there ends it."""
        try:
            if wrapped.pid is not None and wrapped.exit_code is None:
                log.info("exec.stopping", vm=vm.name)
                await self._stop(vm, wrapped)
        finally:
            await process.close()

    async def _stop(self, vm: Vm, wrapped: Wrapped) -> None:
        with suppress(TimeoutError, DriverUnavailable):
            async with asyncio.timeout(STOP_S):
                process = await ExecProcess.start(self._exec_argv(vm.name, wrapped.stopper()), self._env)
                try:
                    await process.feed(once(b""))
                    await process.exit_code()
                finally:
                    await process.close()


class _Run:
    """One command on its way from the beginning to the end."""

    def __init__(self, process: ExecProcess, wrapped: Wrapped, on_output: OnOutput) -> None:
        self._process = process
        self._out, self._err = Source(process.stdout), Source(process.stderr)
        self._wrapped = wrapped
        self._on_output = on_output
        self._started = asyncio.Event()
        self._begun = asyncio.Event()  # and whoever wanted to know does

    async def outcome(
        self,
        stdin: AsyncIterator[bytes],
        *,
        login_s: float,
        within_s: float,
        on_start: Callable[[], Awaitable[None]] | None,
    ) -> Outcome:
        feeding = asyncio.ensure_future(self._process.feed(stdin))
        pumps = [asyncio.ensure_future(self._stdout()), asyncio.ensure_future(self._stderr())]
        both = asyncio.gather(*pumps)
        try:
            if not await self._starts(both, within_s=login_s):
                raise DriverTimeout(f"the VM has let no command in for {login_s:g} s; it may be frozen")
            if on_start is not None and self._started.is_set():
                await on_start()
            self._begun.set()
            if not await self._ends(both, within_s=within_s):
                return Outcome(None, timed_out=True)
            if self._wrapped.exit_code is None:
                raise await self._broken()
        finally:
            for task in (feeding, *pumps):
                task.cancel()
            await asyncio.gather(feeding, *pumps, both, return_exceptions=True)
        return Outcome(self._wrapped.exit_code, timed_out=self._wrapped.was_stopped)

    async def _starts(self, both: "asyncio.Future[list[None]]", *, within_s: float) -> bool:
        """Wait for the command's beginning, or for the end of both streams. False if neither came in time."""
        waiting = asyncio.ensure_future(self._started.wait())
        try:
            done, _ = await asyncio.wait(
                (waiting, both), timeout=within_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        if both in done:
            both.result()  # raises what whoever takes the output raised
        return bool(done)

    async def _ends(self, both: "asyncio.Future[list[None]]", *, within_s: float) -> bool:
        """Wait until all that the command says is taken. False if that is not so in time."""
        done, _ = await asyncio.wait((both,), timeout=within_s)
        if done:
            both.result()  # raises what whoever takes the output raised
        return bool(done)

    async def _stdout(self) -> None:
        while data := await self._out.read():
            mine = self._wrapped.stdout(data)
            if self._wrapped.pid is not None:
                self._started.set()
            await self._tell("stdout", mine)

    async def _stderr(self) -> None:
        while data := await self._err.read():
            await self._tell("stderr", self._wrapped.stderr(data))
            if self._wrapped.exit_code is not None:
                self._out.drain()
                self._err.drain()
        await self._tell("stderr", self._wrapped.stderr_rest())

    async def _tell(self, stream: Stream, data: bytes) -> None:
        if data:
            await self._begun.wait()
            await self._on_output(stream, data)

    async def _broken(self) -> Exception:
        """Return why the streams ended without word of the command's end."""
        if self._wrapped.pid is not None:
            return DriverFailed("the connection to the VM was lost before the command's end")
        try:
            async with asyncio.timeout(CLOSED_S):
                code = await self._process.exit_code()
        except TimeoutError:  # whoever closes the process ends it
            return DriverFailed("the program that runs commands in VMs closed its output, and stayed")
        return failure("exec", code, self._wrapped.said.decode(errors="replace"))


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Yield *data* as the only chunk."""
    if data:
        yield data


def must_run(vm: Vm) -> None:
    """Return if *vm* runs. Raises `VmStateConflict`: Multipass would start it for a command."""
    if vm.state not in {"Running", "Delayed Shutdown"}:
        raise VmStateConflict(f"VM '{vm.name}' is {vm.state}, and commands need it Running; start it first.")
