"""What changed, in order: written to a bounded log first, then shown to whoever watches."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
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
RETRY_S = 1.0
"""Pause before a failed write is tried again."""

# Rows of the log that are no events: where it ended in good order, and where a crash may have lost some.
_HUB, _CLOSED, _CRASHED = "hub", "closed", "crashed"


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
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._keep = keep
        self._publish_timeout_s = publish_timeout_s
        self._now = now
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

    async def run(self) -> None:
        """Write and show what is published, until cancelled; then write what is left and sign off."""
        await self._start()
        try:
            while True:
                first = await self._queue.get()
                await _to_its_end(self._write([first, *self._take(BATCH - 1)]))
        finally:
            await self._write([*self._take(self._queue.qsize()), self._row(_HUB, _CLOSED, "", None)])

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
            if last is not None and (last.kind, last.action) != (_HUB, _CLOSED):
                await connection.execute(sa.insert(events).values(self._row(_HUB, _CRASHED, "", None)))
                last = (await connection.execute(newest)).one()
        self._position = self._recent_after = last.id if last is not None else 0
        self._started.set()

    def _take(self, most: int) -> list[dict[str, Any]]:
        return [self._queue.get_nowait() for _ in range(min(most, self._queue.qsize()))]

    def _row(self, kind: str, action: str, subject: str, data: dict[str, Any] | None) -> dict[str, Any]:
        return {"kind": kind, "action": action, "subject": subject, "at": self._now(), "data": data}

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
        for event_id, row in zip(ids, rows, strict=True):
            if row["kind"] != _HUB:
                self._remember(Event(id=event_id, **row))
            self._position = event_id
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
                    if self._unpruned + len(ids) > self._keep // 10:
                        await connection.execute(sa.delete(events).where(events.c.id <= ids[-1] - self._keep))
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                continue
            self._unpruned = 0 if self._unpruned + len(ids) > self._keep // 10 else self._unpruned + len(ids)
            return ids


async def mark_restored(connection: AsyncConnection) -> None:
    """Note that the log is a backup's: ids that came after it are left out, and their watchers reload."""
    last = await connection.scalar(sa.select(sa.func.max(events.c.id))) or 0
    row = {"id": last + RESTORED_GAP, "kind": _HUB, "action": _CRASHED, "subject": "", "at": utc_now()}
    await connection.execute(sa.insert(events).values(row))


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await *work*; a cancellation is passed on only when it is done, so that nothing is written twice."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
