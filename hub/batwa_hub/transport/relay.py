"""Relayed WebSockets while they last, and their end when the login ends, when idle, when the hub stops."""

import asyncio
import math
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, suppress
from typing import NamedTuple

import structlog
from aiohttp import web

from batwa_common.busy_poll import BusyPoll
from batwa_common.errors import BatwaError, NotAuthenticated, Unavailable
from batwa_common.supervisor import Supervisor
from batwa_common.wire.terminal import CloseCode

from .far import Far
from .shells import AgentShells
from .splice import OnFirst, OnOpen, Splice

log = structlog.stdlib.get_logger(__name__)

ABORT_S = 0.8
"""How long an agent may take to close a viewer with a code; then the connection is dropped."""

Valid = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""While the block runs, calls back once when what the caller came with is valid no more."""


class _Live(NamedTuple):
    splice: Splice
    shells: AgentShells | None
    """Who can close it with a code; None if nobody can."""
    key: str
    allowed: Callable[[], bool]


class Relays:
    """Every WebSocket that passes through this process.

    Args:
        tasks: Owns their ends.
        idle_timeout_s: Seconds without a byte from the browser, answers to pings aside, after which a
            terminal's viewer is closed; 0 never does.
    """

    def __init__(self, tasks: Supervisor, *, idle_timeout_s: float) -> None:
        self._tasks = tasks
        self.idle_timeout_s = idle_timeout_s
        self._live: set[_Live] = set()
        self._busy_poll = BusyPoll()
        self._ended_bytes = 0

    @property
    def relayed_bytes(self) -> int:
        """Bytes that have passed, both ways together."""
        return self._ended_bytes + sum(live.splice.received_bytes for live in self._live)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._live)

    async def run(
        self,
        request: web.Request,
        far: Far,
        path: str,
        query: Mapping[str, str],
        *,
        valid: Valid,
        allowed: Callable[[], bool] = lambda: True,
        opened: OnOpen | None = None,
        first: OnFirst | None = None,
        shells: AgentShells | None = None,
        answering: Mapping[str, str] | None = None,
    ) -> None:
        """Relay *request* until either side ends; with *shells* it is a terminal's viewer there.

        It ends too when *allowed*, asked at each `look`, says no. *opened* and *first*: see `Splice.run`.
        """
        live = _Live(Splice(self._busy_poll), shells, secrets.token_urlsafe(12), allowed)
        if shells is not None:
            query = {**query, "viewer_key": live.key}
        self._live.add(live)
        try:
            with valid(lambda: self._end_soon(live, CloseCode.REMOVED)):
                await live.splice.run(
                    request, far, path, query, opened=opened, first=first, answering=answering
                )
        finally:
            self._live.discard(live)
            self._ended_bytes += live.splice.received_bytes

    async def look(self) -> None:
        """Close once who is idle, if that is on, and who is not allowed any more."""
        limit_s = self.idle_timeout_s or math.inf
        for live in list(self._live):
            if not live.allowed():
                self._end_soon(live, CloseCode.REMOVED)
            elif live.shells is not None and live.splice.is_open and live.splice.idle_s > limit_s:
                self._end_soon(live, CloseCode.IDLE)

    def leave(self, transports: Collection[asyncio.BaseTransport | None]) -> None:
        """Close those whose way to the agent is one of *transports*, which is about to end: shells go on."""
        for live in list(self._live):
            if live.splice.goes_through(transports):
                self._end_soon(live, CloseCode.STOPPING)

    async def stop(self) -> None:
        """Close all: the hub is stopping, and shells go on."""
        await asyncio.gather(*(self._end(live, CloseCode.STOPPING) for live in list(self._live)))

    def _end_soon(self, live: _Live, code: CloseCode) -> None:
        self._tasks.spawn(self._end(live, code), name="end of a relayed connection")

    async def _end(self, live: _Live, code: CloseCode) -> None:
        """Have the agent close it, so that the browser is told why; drop it if that takes too long."""
        if live.shells is not None and live.splice.is_open:
            with suppress(TimeoutError, BatwaError):
                async with asyncio.timeout(ABORT_S):
                    await live.shells.close_viewer(live.key, code=code)
                    await live.splice.closed()
        log.info("relay.ended", code=int(code), bytes=live.splice.received_bytes)
        live.splice.end(_refusal(code))


def _refusal(code: CloseCode) -> BatwaError:
    """Return what is answered instead of 101 when what *code* says comes before it."""
    if code is CloseCode.REMOVED:
        return NotAuthenticated(
            "What you came with has ended meanwhile; log in again, or ask for a new link."
        )
    return Unavailable("The hub is stopping; try again in a moment.")
