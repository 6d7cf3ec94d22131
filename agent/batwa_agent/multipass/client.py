"""Asks `multipass` something, and learns from the answer whether its daemon is well."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from batwa_common.errors import BatwaError, DriverTimeout, DriverUnavailable

from .calls import run
from .failures import failure
from .health import Health, OpenCall
from .parse import clean

OnCall = Callable[[str, str, float], None]
"""Is told a command, how it ended, and how long it took in seconds."""

_QUICK = frozenset({"version", "list", "get", "info"})
"""Commands whose silence says that the daemon hangs; the others may take long on a good day."""
_REFUSED_BY_DAEMON = 2
"""The exit code of an operation that failed; 1 is mostly the program by itself, over its arguments."""


class Client:
    """The program, its environment, and the health of what is behind it.

    Args:
        program: A path, or a name that each call looks up on PATH.
        env: Variables added to this process's own.
        health: Told how each call went.
        on_call: Told the command of each call that has ended, the code of its error or `ok`, and its seconds.
    """

    def __init__(
        self, program: str, *, env: Mapping[str, str], health: Health, on_call: OnCall = lambda *_told: None
    ) -> None:
        self._on_call = on_call
        self.program = program
        self._env = {**os.environ, **env}
        self._health = health

    async def ask(
        self, *args: str, deadline_s: float, of: str = "", on_output: Callable[[bytes], None] | None = None
    ) -> str:
        """Return what `multipass ARGS` says when it succeeds; raise what it says when it does not.

        *of* names the instance for whoever reads about a call that hangs.
        """
        what = f"multipass {args[0]} {of}".rstrip()
        with self._timed(args[0]), self._health.watch(what) as call:
            try:
                self._need_home()
                answer = await run(
                    [self.program, *args],
                    what=what,
                    env=self._env,
                    deadline_s=deadline_s,
                    on_output=on_output,
                )
            except DriverTimeout as err:
                if args[0] in _QUICK:
                    self._health.silent(call, err)
                raise
            except DriverUnavailable as err:
                self._health.unavailable(call, err)
                raise
            text = await asyncio.to_thread(clean, answer.output)  # a list of thousands takes a while
            return self._meaning(args[0], answer.exit, text, call)

    @contextmanager
    def _timed(self, command: str) -> Iterator[None]:
        began_s, outcome = time.monotonic(), "cancelled"
        try:
            yield
            outcome = "ok"
        except BatwaError as err:
            outcome = err.code
            raise
        finally:
            self._on_call(command, outcome, time.monotonic() - began_s)

    def _meaning(self, command: str, code: int, text: str, call: OpenCall) -> str:
        if code == 0:
            if command != "version":  # it succeeds without a daemon
                self._health.answered()
            return text
        error = failure(command, code, text)
        if isinstance(error, DriverUnavailable):
            self._health.unavailable(call, error)
        elif code == _REFUSED_BY_DAEMON:
            self._health.answered()
        raise error

    def _need_home(self) -> None:
        if not self._env.get("HOME"):
            raise DriverUnavailable(
                "HOME is not set, and Multipass knows its users by it; set HOME for the agent, in a systemd "
                "unit with Environment=HOME=, to the same directory each time"
            )
