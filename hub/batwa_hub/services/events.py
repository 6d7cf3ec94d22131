"""What changed, in order: written to a bounded log first, then shown to whoever watches.

Several processes may write to one log. Each shows all of it, in the one order of its ids, and tells what the
others wrote to whoever keeps a copy of what it is about, before anybody is shown it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import takewhile
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Unavailable
from batwa_common.wire.base import utc_now
from batwa_common.wire.event import Event, EventKind
from batwa_hub.store.database import Database
from batwa_hub.store.tables import events

log = structlog.stdlib.get_logger(__name__)

QUEUED = 10_000
"""Events that may wait to be written; a publisher beyond that waits too."""
PUBLISH_TIMEOUT_S = 30.0
"""How long a publisher waits for room."""
BATCH = 500
"""Events written, or handed to a watcher, at a time."""
RECENT = 2_000
"""Events held in memory, so that watchers who keep up ask no database."""
RESTORED_GAP = 1_000_000_000
"""Ids left out after a backup was restored: more than there can have been events since it was made."""
CLOSE_S = 5.0
"""How long a stop waits for a database that does not answer."""
RETRY_S = 1.0
"""Pause before a failed write is tried again."""

# Rows of the log that are no events: where it ended in good order, and where a crash may have lost some.
_HUB, _CLOSED, _CRASHED = "hub", "closed", "crashed"


FOLLOW_S = 1.0
"""How often the log is looked at for what others wrote, should the database's word of it get lost."""

OnForeign = Callable[[Sequence[Event], bool], Awaitable[None]]
"""Is told what other processes wrote, and whether some of it may be missing."""


async def _nobody_cares(_events: Sequence[Event], _missed: bool) -> None:
    """Nobody keeps copies."""


class Batch(NamedTuple):
    """What a watcher gets next."""

    events: tuple[Event, ...]
    """In order, none missing since the last batch unless `missed`."""
    position: int
    """Where to go on."""
    missed: bool
    """True when some are gone for good: what the watcher knows may be wrong, it must load everything anew."""


class Events:
    """The log and its watchers.

    A watcher holds nothing here but a position: it takes what is new at its own pace, from memory or
    from the log, and when it lags by more than the log keeps it is told so. It slows nobody.

    Args:
        database: Where the log is.
        keep: Events kept, at least; a tenth more at most.
        recent: Events held in memory.
        queued: Events that may wait to be written.
        publish_timeout_s: How long a publisher waits for room among them.
        close_s: How long a stop waits for the database.
        origin: Names this process among those that share the database.
        is_alone: Tells whether there is no other.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self,
        database: Database,
        *,
        keep: int,
        recent: int = RECENT,
        queued: int = QUEUED,
        publish_timeout_s: float = PUBLISH_TIMEOUT_S,
        close_s: float = CLOSE_S,
        origin: str = "",
        is_alone: Callable[[], bool] = lambda: True,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._keep = keep
        self._publish_timeout_s = publish_timeout_s
        self._close_s = close_s
        self._now = now
        self._origin = origin
        self._is_alone = is_alone
        self._on_foreign: OnForeign = _nobody_cares
        self._showing = asyncio.Lock()
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(queued)
        self._recent: deque[Event] = deque(maxlen=recent)
        self._recent_after = 0
        self._position = 0
        self._unpruned = 0
        self._started = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many are still to be written."""
        return self._queue.qsize()

    async def position(self) -> int:
        """Return the id of the newest event shown; watch from here to see only what is to come."""
        await self._started.wait()
        return self._position

    def tell_foreign(self, on_foreign: OnForeign) -> None:
        """Have *on_foreign* told what other processes write, from now on."""
        self._on_foreign = on_foreign

    async def follow(self) -> None:
        """Show what other processes write, until cancelled."""
        await self._started.wait()
        woken = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            _ = tasks.create_task(self._listen(woken.set))
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(FOLLOW_S):
                        await woken.wait()
                woken.clear()
                with suppress(Unavailable):  # the database has logged it
                    await self._catch_up()

    async def run(self) -> None:
        """Write and show what is published, until cancelled; then write what is left and sign off.

        If the database does not answer even then, what is left is lost, and who watches is told to reload.
        """
        await self._start()
        try:
            await self._write_on()
        except TimeoutError:
            log.warning("events.lost", why="the database did not answer when the hub stopped")

    async def _write_on(self) -> None:
        try:
            while True:
                first = await self._queue.get()
                await _to_its_end(self._write([first, *self._take(BATCH - 1)]), self._close_s)
        except asyncio.CancelledError:
            rest = [*self._take(self._queue.qsize()), self._row(_HUB, _CLOSED, "", None)]
            async with asyncio.timeout(self._close_s):
                await self._write(rest)
            raise

    async def publish(
        self,
        kind: EventKind,
        action: Literal["changed", "removed"],
        subject: str,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Queue an event; it is written and shown in a moment, in the order of these calls.

        Waits only when too many others wait already. Raises `Unavailable` when that lasts.
        """
        try:
            async with asyncio.timeout(self._publish_timeout_s):
                await self._queue.put(self._row(kind, action, subject, data))
        except TimeoutError:
            raise Unavailable("The hub's database does not keep up; try again shortly.") from None

    async def after(self, position: int) -> Batch:
        """Return what came after *position*, waiting for it as long as it takes. May be cancelled.

        Raises `Unavailable` when the database does not answer.
        """
        await self._started.wait()
        while position == self._position:
            await self._news.wait()
        if position > self._position:  # from another database, or one restored from a backup
            return Batch((), self._position, missed=True)
        if position >= self._recent_after:
            newer = tuple(takewhile(lambda event: event.id > position, reversed(self._recent)))
            found = newer[::-1][:BATCH]
            return Batch(found, found[-1].id if found else self._position, missed=False)
        return await self._from_log(position)

    async def _start(self) -> None:
        """Find where the log ends, and note it there if the hub did not end in good order."""
        newest = sa.select(events).order_by(events.c.id.desc()).limit(1)
        async with self._database.writing() as connection:
            last = (await connection.execute(newest)).one_or_none()
            closed = last is None or (last.kind, last.action) == (_HUB, _CLOSED)
            if not closed and self._is_alone():
                await note_crash(connection)
                last = (await connection.execute(newest)).one()
        self._position = self._recent_after = last.id if last is not None else 0
        self._started.set()

    def _take(self, most: int) -> list[dict[str, Any]]:
        return [self._queue.get_nowait() for _ in range(min(most, self._queue.qsize()))]

    def _row(self, kind: str, action: str, subject: str, data: dict[str, Any] | None) -> dict[str, Any]:
        told = {"kind": kind, "action": action, "subject": subject, "at": self._now(), "data": data}
        return {**told, "origin": self._origin}

    async def _from_log(self, position: int) -> Batch:
        newer = sa.select(events).where(events.c.id > position, events.c.id <= self._position)
        async with self._database.reading() as connection:
            oldest = await connection.scalar(sa.select(sa.func.min(events.c.id)))
            rows = (await connection.execute(newer.order_by(events.c.id).limit(BATCH))).all()
        if oldest is None or oldest > position + 1:
            return Batch((), self._position, missed=True)
        found = tuple(Event.model_validate(row, from_attributes=True) for row in rows if row.kind != _HUB)
        crashed = any((row.kind, row.action) == (_HUB, _CRASHED) for row in rows)
        return Batch(found, rows[-1].id if rows else self._position, missed=crashed)

    async def _write(self, rows: list[dict[str, Any]]) -> None:
        ids = await self._insert(rows)
        async with self._showing:
            if ids[0] == self._position + 1:  # nobody else wrote meanwhile
                for event_id, row in zip(ids, rows, strict=True):
                    if row["kind"] != _HUB:
                        self._remember(Event.model_validate({**row, "id": event_id}))
                self._moved_to(ids[-1])
                return
        with suppress(Unavailable):  # `follow` tries again
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Show what is in the log and not shown yet, ours and the others'. Raises `Unavailable`."""
        newer = sa.select(events).order_by(events.c.id).limit(BATCH)
        async with self._showing:
            while True:
                async with self._database.reading() as connection:
                    rows = (await connection.execute(newer.where(events.c.id > self._position))).all()
                if not rows:
                    return
                await self._tell_foreign(rows)
                for row in rows:
                    if row.kind != _HUB:
                        self._remember(Event.model_validate(row, from_attributes=True))
                    elif row.action == _CRASHED:  # who was not shown this yet must find it in the log
                        self._recent.clear()
                        self._recent_after = row.id
                self._moved_to(rows[-1].id)

    async def _tell_foreign(self, rows: Sequence[sa.Row[Any]]) -> None:
        foreign = [row for row in rows if row.origin != self._origin]
        told = [Event.model_validate(row, from_attributes=True) for row in foreign if row.kind != _HUB]
        missed = any((row.kind, row.action) == (_HUB, _CRASHED) for row in foreign)
        if told or missed:
            await self._on_foreign(told, missed)

    async def _listen(self, woken: Callable[[], None]) -> None:
        while True:
            with suppress(Unavailable):
                await self._database.listen(woken)
                return
            await asyncio.sleep(RETRY_S)

    def _moved_to(self, position: int) -> None:
        self._position = position
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _remember(self, event: Event) -> None:
        if len(self._recent) == self._recent.maxlen:
            self._recent_after = self._recent[0].id
        self._recent.append(event)

    async def _insert(self, rows: list[dict[str, Any]]) -> list[int]:
        """Write *rows* and prune the log, trying until it works: publishers wait meanwhile."""
        statement = sa.insert(events).returning(events.c.id, sort_by_parameter_order=True)
        while True:
            try:
                async with self._database.writing() as connection:
                    ids = list((await connection.scalars(statement, rows)).all())
                    await self._database.announce(connection)
                    if self._unpruned + len(ids) > self._keep // 10:
                        await connection.execute(sa.delete(events).where(events.c.id <= ids[-1] - self._keep))
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                continue
            self._unpruned = 0 if self._unpruned + len(ids) > self._keep // 10 else self._unpruned + len(ids)
            return ids


async def note_crash(connection: AsyncConnection) -> None:
    """Note that a process has ended without writing all it was told: whoever watches is to reload."""
    row = {"kind": _HUB, "action": _CRASHED, "subject": "", "at": utc_now(), "origin": _HUB}
    await connection.execute(sa.insert(events).values(row))


async def mark_restored(connection: AsyncConnection) -> None:
    """Note that the log is a backup's: ids that came after it are left out, and their watchers reload."""
    last = await connection.scalar(sa.select(sa.func.max(events.c.id))) or 0
    row = {"id": last + RESTORED_GAP, "kind": _HUB, "action": _CRASHED, "subject": "", "at": utc_now()}
    await connection.execute(sa.insert(events).values(row))


async def _to_its_end(work: Coroutine[Any, Any, None], within_s: float) -> None:
    """Await *work*; a cancellation is passed on only when it is done, so that nothing is written twice.

    Raises TimeoutError if it is not done *within_s* then.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        async with asyncio.timeout(within_s):
            await task
        raise
