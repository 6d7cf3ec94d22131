"""The hub processes that share one database: this one, and which others live."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Unavailable
from batwa_hub.store.database import Database
from batwa_hub.store.tables import processes

log = structlog.stdlib.get_logger(__name__)

AGAIN_S = 0.1
"""Pause before the others are looked at again that are waited for."""
BEAT_S = 1.5
"""How often a process says that it lives, and looks who else does."""
DEAD_AFTER = timedelta(seconds=8)
"""Silence after which a process counts as dead: its operations are another's then."""

KNOWN_S = 4.0
"""How long a process that comes or goes waits for the others to have looked; a dead one never does."""

OnLost = Callable[[AsyncConnection], Awaitable[None]]
"""Called within the transaction that finds out that a process has died without a word."""


class OtherAuthority(Exception):
    """Another process has another CA: agents, which believe one, would come to the wrong one by turns."""

    def __init__(self, url: str | None) -> None:
        super().__init__(
            f"The hub's process at {url or 'another address'} has a certificate of another CA. Copy"
            " tls/authority.pem from its data directory to this one's, or give all the same certificate"
            " (tls.mode = files)."
        )


@dataclass(frozen=True)
class Process:
    """One of them."""

    id: str
    url: str | None
    """Where the others reach it; None until it listens."""
    version: str
    started_at: datetime
    silence_s: float
    """Since it last said that it lives."""
    links: int
    """Agents that are linked to it."""


class Processes:
    """Who lives, by what the database has of them. With SQLite there is nobody else, and nothing is written.

    Args:
        database: What they share. Its clock is the only one that counts here.
        version: Of this one.
        on_lost: See `OnLost`.
        links: Counts the agents that are linked to this one.
        ca: Tells the SHA-256 of the CA of this one's certificate, if it has any.
        on_gone: Told the id of each that lives no more, for whatever reason.
    """

    def __init__(
        self,
        database: Database,
        *,
        version: str,
        on_lost: OnLost,
        links: Callable[[], int] = lambda: 0,
        ca: Callable[[], str | None] = lambda: None,
        on_gone: Callable[[str], None] = lambda _id: None,
    ) -> None:
        self._database = database
        self._version = version
        self._on_lost = on_lost
        self._links = links
        self._ca = ca
        self._on_gone = on_gone
        self._url: str | None = None
        self._started_at: datetime | None = None
        self._written_at: datetime | None = None
        self._living: tuple[Process, ...] = ()
        self._has_left = False
        self.id = secrets.token_hex(8) if database.is_shared else ""

    @property
    def others(self) -> tuple[Process, ...]:
        """Those that live beside this one, oldest first."""
        return tuple(each for each in self._living if each.id != self.id)

    @property
    def living(self) -> tuple[Process, ...]:
        """All that live, oldest first; none with SQLite."""
        return self._living

    @property
    def leads(self) -> bool:
        """Whether this is the one that does what only one is to do: the oldest."""
        return not self._living or self._living[0].id == self.id

    async def join(self) -> None:
        """Be one of them from now on. Raises `OtherAuthority`."""
        if self._database.is_shared:
            await self.beat()

    async def listen_at(self, url: str) -> None:
        """Tell the others where this one is to listen; who was there before has died."""
        if self._database.is_shared and url != self._url:
            self._url = url
            await self.beat()

    async def leave(self) -> None:
        """Be none of them any more: the others see it with their next beat."""
        if self._database.is_shared and not self._has_left:
            self._has_left = True
            async with self._database.writing() as connection:
                self._written_at = await _clock(connection)
                await connection.execute(sa.delete(processes).where(processes.c.id == self.id))

    async def known(self) -> None:
        """Wait until each of the others has seen what was last told here, for `KNOWN_S` at most."""
        if not self._database.is_shared:
            return
        behind = (processes.c.id != self.id) & (processes.c.seen_at < self._written_at)
        with suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(KNOWN_S):
                while True:
                    if not await self._any(behind):
                        return
                    await asyncio.sleep(AGAIN_S)

    async def beat(self) -> None:
        """Tell the others that this one lives, and learn who else does; nothing once it has left."""
        if self._has_left:
            return
        async with self._database.writing() as connection:
            self._written_at = now = await _clock(connection)
            await self._bury(connection, now)
            if self._started_at is None:
                await self._refuse_other_ca(connection)
                self._started_at = now
            row: dict[str, Any] = {
                "url": self._url,
                "version": self._version,
                "started_at": self._started_at,
                "seen_at": now,
            }
            row |= {"links": self._links(), "ca": self._ca()}
            mine = sa.update(processes).where(processes.c.id == self.id).values(row)
            if not (await connection.execute(mine)).rowcount:
                await connection.execute(sa.insert(processes).values(id=self.id, **row))
            living = await _all(connection, now)
        before, self._living = {each.id for each in self._living}, living
        now_living = {each.id for each in self._living}
        for each_id in before - now_living:
            self._on_gone(each_id)
        if before and before != now_living:
            log.info("processes.changed", living=[each.url for each in self._living])

    async def _any(self, which: sa.ColumnElement[bool]) -> bool:
        async with self._database.reading() as connection:
            return (await connection.execute(sa.select(processes.c.id).where(which))).first() is not None

    async def _refuse_other_ca(self, connection: AsyncConnection) -> None:
        if (ca := self._ca()) is not None:
            other = sa.select(processes.c.url).where(processes.c.ca != ca)
            if (found := (await connection.execute(other)).first()) is not None:
                raise OtherAuthority(found.url)

    async def _bury(self, connection: AsyncConnection, now: datetime) -> None:
        gone = processes.c.seen_at < now - DEAD_AFTER
        if self._url is not None:
            gone |= processes.c.url == self._url
        dead = (processes.c.id != self.id) & gone
        if (await connection.execute(sa.delete(processes).where(dead))).rowcount:
            await self._on_lost(connection)


async def _clock(connection: AsyncConnection) -> datetime:
    now: datetime = (await connection.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
    return now


async def _all(connection: AsyncConnection, now: datetime) -> tuple[Process, ...]:
    order = (processes.c.started_at, processes.c.id)
    rows = (await connection.execute(sa.select(processes).order_by(*order))).all()
    return tuple(
        Process(row.id, row.url, row.version, row.started_at, (now - row.seen_at).total_seconds(), row.links)
        for row in rows
    )


async def processes_of(database: Database) -> tuple[Process, ...]:
    """Return all that share *database*, oldest first, for who is none of them; nobody with SQLite.

    One that was killed stays until another has noticed. Raises `Unavailable`.
    """
    if not database.is_shared:
        return ()
    async with database.reading() as connection:
        return await _all(connection, await _clock(connection))
