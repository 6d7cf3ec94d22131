"""One database, opened with its schema up to date; every statement runs in a reading or writing block."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal, Self

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from batwa_common.errors import Unavailable

from .absence import Absence
from .migrate import DatabaseUnusable, load_migrations, upgrade

Observe = Callable[[Literal["reading", "writing"], float], None]
"""Is told how long a block took, in seconds, its wait for its turn included."""

BUSY_TIMEOUT_S = 10.0
"""How long a transaction waits for another process's (`batwa-hub agent-key` beside a running hub)."""

_AWAY = "The hub's database does not answer; try again shortly."
_REFUSALS = (DataError, IntegrityError)
"""What a database says of what is to be written; anything else it raises says that it is not well."""

_WRITING = sa.select(sa.func.pg_advisory_xact_lock(0x62617477))
"""Waits for the turn to write to PostgreSQL, among all processes; given back when the transaction ends."""
_CHANNEL = "batwa"
_NOTIFY = sa.select(sa.func.pg_notify(_CHANNEL, ""))
_PER_SESSION = {
    "application_name": "batwa-hub",
    "lock_timeout": f"{BUSY_TIMEOUT_S:g}s",
    "idle_in_transaction_session_timeout": f"{BUSY_TIMEOUT_S:g}s",  # a frozen process keeps no turn
}

_PER_CONNECTION = (
    f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # NORMAL may lose the last commits at power loss; we acknowledged them
    "PRAGMA foreign_keys=ON",
)


class Database:
    """The store: SQLite, or PostgreSQL that several hub processes share. Only this module knows which.

    One transaction writes at a time, in either: nothing that reads and then writes has to be written
    for two. Writers of this process queue here, in order, and not in the database, where waiting
    holds a connection.
    """

    def __init__(self, engine: AsyncEngine, observe: Observe) -> None:
        self._observe = observe
        self._writer = engine
        self.is_shared = engine.dialect.name == "postgresql"
        """Whether other processes may use it at the same time."""
        consistent = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = engine.execution_options(**consistent if self.is_shared else {"reading": True})
        self._one_writes = asyncio.Lock()
        self._absence = Absence()

    @classmethod
    async def open(
        cls, url: str, *, observe: Observe = lambda _kind, _took_s: None, as_it_is: bool = False
    ) -> Self:
        """Open *url* (`sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://…`); a SQLite file is made.

        *observe* is told of each block.

        The schema is brought up to date first, unless the database is to be left *as it is*.
        Raises `DatabaseUnusable` with what to do.
        """
        try:
            database = cls(await asyncio.to_thread(_engine, sa.make_url(url)), observe)
        except (sa.exc.ArgumentError, ImportError, OSError) as err:
            raise DatabaseUnusable(f"The database cannot be opened: {err}. Check database_url.") from err
        if as_it_is:
            return database
        try:
            await database._upgrade()
        except BaseException:
            await database.close()
            raise
        return database

    async def _upgrade(self) -> None:
        scripts = await asyncio.to_thread(load_migrations)
        try:
            async with self._begun() as connection:
                await connection.run_sync(upgrade, scripts)
        except DBAPIError as err:
            what_to_do = "Check database_url" if self.is_shared else "If it is damaged, restore a backup"
            said = getattr(err.orig, "__cause__", None) or err.orig  # as the driver said it
            raise DatabaseUnusable(f"The database cannot be used: {said}. {what_to_do}.") from err
        except OSError as err:
            raise DatabaseUnusable(
                f"The database does not answer: {err}. Check that it runs, and database_url."
            ) from err

    async def close(self) -> None:
        """Close every connection. Blocks in progress fail."""
        await self._writer.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view of everything. Raises `Unavailable` when the database does not answer."""
        with self._named_failures(), self._timed("reading"):
            async with self._reader.connect() as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: all of it is on disk when the block has ended, or none of it if it raised.

        What it reads, no other writer changes before it ends. Raises `Unavailable`.
        """
        with self._named_failures(), self._timed("writing"):
            async with self._turn(), self._begun() as connection:
                yield connection

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[AsyncConnection]:
        async with self._writer.begin() as connection:
            if self.is_shared:
                await connection.execute(_WRITING)
            yield connection

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with asyncio.timeout(BUSY_TIMEOUT_S):
            await self._one_writes.acquire()
        try:
            yield
        finally:
            self._one_writes.release()

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        try:
            yield
        except _REFUSALS:
            raise
        except (DBAPIError, PoolTimeout, OSError) as err:  # TimeoutError is an OSError
            self._absence.failed(err)
            raise Unavailable(_AWAY) from err
        self._absence.answered()

    @contextmanager
    def _timed(self, kind: Literal["reading", "writing"]) -> Iterator[None]:
        began_s = time.monotonic()
        try:
            yield
        finally:
            self._observe(kind, time.monotonic() - began_s)

    async def ping(self) -> None:
        """Return if the database answers, else raise `Unavailable`."""
        async with self.reading() as connection:
            await connection.execute(sa.select(1))

    async def announce(self, connection: AsyncConnection) -> None:
        """Wake the other processes that `listen`, once *connection*'s transaction is on disk."""
        if self.is_shared:
            await connection.execute(_NOTIFY)

    async def listen(self, woken: Callable[[], None]) -> None:
        """Call *woken* after each announcement, until cancelled; at once and no more with SQLite.

        Raises `Unavailable` when the connection is lost: what was announced meanwhile is not heard of.
        """
        if not self.is_shared:
            return
        with self._named_failures():
            async with self._writer.connect() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                lost = asyncio.Event()
                driver.add_termination_listener(lambda *_: lost.set())
                await driver.add_listener(_CHANNEL, lambda *_: woken())
                woken()
                try:
                    await lost.wait()
                finally:
                    await connection.invalidate()  # it listens: nobody else is to have it
            raise Unavailable(_AWAY)

    async def check(self) -> None:
        """Return if the database is whole, as far as it can tell. Raises `DatabaseUnusable`."""
        if self.is_shared:
            return  # a server looks after its files itself
        async with self.reading() as connection:
            said = (await connection.execute(sa.text("PRAGMA quick_check"))).scalars().all()
        if list(said) != ["ok"]:
            raise DatabaseUnusable(f"The database is damaged ({said[0]}); restore a backup.")


def _prepare_file(path: Path) -> None:
    """Make the file before SQLite does, so that nobody else may read it (its -wal takes its mode)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _engine(url: sa.URL) -> AsyncEngine:
    """Make the engine. Blocks: the driver is imported, a new file is made."""
    if url.get_backend_name() != "sqlite":
        options = {"server_settings": _PER_SESSION, "timeout": BUSY_TIMEOUT_S}
        return create_async_engine(url, connect_args=options, pool_pre_ping=True, pool_timeout=BUSY_TIMEOUT_S)
    _prepare_file(Path(url.database or ""))
    # isolation_level None: the driver begins nothing by itself, so that `_begin` can.
    options = {"isolation_level": None}
    engine = create_async_engine(url, connect_args=options, pool_timeout=BUSY_TIMEOUT_S)
    sa.event.listen(engine.sync_engine, "connect", _connected)
    sa.event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _connected(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for statement in _PER_CONNECTION:
        cursor.execute(statement)
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another wrote in between.
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
