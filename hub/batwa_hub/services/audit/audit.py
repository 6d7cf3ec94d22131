"""The audit log: appended to, read, shortened by age and number, and never changed."""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Unavailable
from batwa_common.wire.audit import AuditEntry, AuditFilter, AuditPage, AuditQuery, AuditRecord
from batwa_common.wire.base import utc_now
from batwa_hub.store.database import Database
from batwa_hub.store.tables import audit_log as table

from .chain import PRUNED, Chain, Head, link

log = structlog.stdlib.get_logger(__name__)

PAGE = 1000
"""Records read from the store at a time."""
WAITING = 1000
"""Records that may wait for a database that does not answer; the oldest beyond are in the log file only."""
TRIES = 5
"""Several hubs on one database may want the same place in the log."""
RETRY_S = 5.0
"""How long a database that did not answer is left alone."""
LOOK_S = 60.0
"""How often old records are removed and what strangers tried is summed up."""
PER_KIND = 10
"""Refusals of strangers recorded one by one between two looks, of one address, action and target."""
MOST_REFUSALS = 100
"""The same of all strangers: what they try must not fill the disk, nor push out what others did."""


class Audit:
    """Records in the store, each with the hash of the one before.

    Args:
        database: Where they are.
        keep: Records kept, at least; what retention removes beyond is named in the log.
        keep_days: Days after which a record is removed.
        now: Wall clock; tests pass their own.
        clock: Monotonic clock in seconds; tests pass their own.
    """

    def __init__(
        self,
        database: Database,
        *,
        keep: int,
        keep_days: float,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._keep = keep
        self._keep_for = timedelta(days=keep_days)
        self._now = now
        self._clock = clock
        self._again_at_s = 0.0
        self._waiting: deque[AuditEntry] = deque(maxlen=WAITING)
        self._turn = asyncio.Lock()
        self._strangers: Counter[tuple[str | None, str, str | None]] = Counter()
        self._unrecorded = 0

    async def record(self, entry: AuditEntry) -> None:
        """Append *entry*; it is on disk when this returns, whatever else was recorded at the same time.

        When the database does not answer, the log file has it, and it is appended with the next.
        """
        if self._is_flood(entry):
            self._unrecorded += 1
            return
        self._waiting.append(entry)
        async with self._turn:
            if entry in self._waiting:  # else whoever had the turn before has written it along
                await self._write_waiting()

    async def find(self, asked: AuditQuery) -> AuditPage:
        """Return a page of records, newest first."""
        query = sa.select(table).where(*_conditions(asked)).order_by(table.c.id.desc()).limit(asked.limit + 1)
        if asked.before is not None:
            query = query.where(table.c.id < asked.before)
        async with self._database.reading() as connection:
            found = [_record(row) for row in await connection.execute(query)]
        records = tuple(found[: asked.limit])
        return AuditPage(records=records, next=records[-1].id if len(found) > asked.limit else None)

    async def pages(self, asked: AuditFilter) -> AsyncIterator[Sequence[AuditRecord]]:
        """Yield all records that are asked for, oldest first, `PAGE` at a time."""
        after, conditions = 0, _conditions(asked)
        while True:
            query = sa.select(table).where(table.c.id > after, *conditions).order_by(table.c.id).limit(PAGE)
            async with self._database.reading() as connection:
                rows = (await connection.execute(query)).all()
            if not rows:
                return
            yield [_record(row) for row in rows]
            after = rows[-1].id

    async def verify(self, expected: Head | None = None) -> Chain:
        """Check every record, and that *expected* is still among them. Raises `ChainBroken`."""
        chain = Chain(expected)
        async for page in self.pages(AuditFilter()):
            for record in page:
                chain.check(record)
        chain.finish()
        return chain

    async def look(self) -> None:
        """Sum up once what was not recorded one by one, and remove what is too old or too much."""
        refused, self._unrecorded = self._unrecorded, 0
        self._strangers.clear()
        if refused:
            details = {"unrecorded": refused}
            await self.record(
                AuditEntry(how="hub", action="more refusals", outcome="refused", details=details)
            )
        async with self._turn:
            await self._write_waiting()
            async with self._database.writing() as connection:
                await self._prune(connection)

    def _is_flood(self, entry: AuditEntry) -> bool:
        if entry.who or entry.how or entry.outcome != "refused":
            return False
        kind = (entry.address, entry.action, entry.target)
        if self._strangers[kind] >= PER_KIND or self._strangers.total() >= MOST_REFUSALS:
            return True
        self._strangers[kind] += 1
        return False

    async def _write_waiting(self) -> None:
        batch = list(self._waiting)
        if not batch or self._clock() < self._again_at_s:
            return
        try:
            records = await self._append(batch)
        except Unavailable:
            self._again_at_s = self._clock() + RETRY_S
            log.warning("audit.waits", entries=[entry.model_dump(mode="json") for entry in batch])
            return
        for record in records:
            self._waiting.popleft()
            log.info("audit", **record.model_dump(mode="json", exclude={"at", "previous"}, exclude_none=True))

    async def _append(self, entries: Sequence[AuditEntry]) -> list[AuditRecord]:
        for _ in range(TRIES):
            with contextlib.suppress(IntegrityError):  # another hub took the place
                async with self._database.writing() as connection:
                    return await _insert(connection, entries)
        raise Unavailable("The audit log is being written by too many hubs at once; try again shortly.")

    async def _prune(self, connection: AsyncConnection) -> None:
        """Remove old records, never the newest, and record up to where."""
        newest = await _head(connection)
        old = (table.c.at < self._now() - self._keep_for) | (table.c.id <= newest.id - self._keep)
        last = sa.select(table.c.id, table.c.hash).where(old, table.c.id < newest.id)
        row = (await connection.execute(last.order_by(table.c.id.desc()).limit(1))).one_or_none()
        if row is None:
            return
        await connection.execute(sa.delete(table).where(table.c.id <= row.id))
        details = {"until": row.id, "hash": row.hash}
        entry = AuditEntry(at=self._now(), how="hub", action=PRUNED, outcome="done", details=details)
        await _insert(connection, [entry])


async def _head(connection: AsyncConnection) -> Head:
    query = sa.select(table.c.id, table.c.hash).order_by(table.c.id.desc()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return Head(row.id, row.hash) if row else Head()


async def _insert(connection: AsyncConnection, entries: Sequence[AuditEntry]) -> list[AuditRecord]:
    head, records = await _head(connection), list[AuditRecord]()
    for entry in entries:
        record = link(entry, head)
        head = Head(record.id, record.hash)
        records.append(record)
    await connection.execute(sa.insert(table), [dict(record) for record in records])
    return records


def _conditions(asked: AuditFilter) -> list[sa.ColumnElement[bool]]:
    exact = ("who", "how", "target", "agent_id", "outcome", "address", "request_id")
    conditions = [table.c[name] == value for name in exact if (value := getattr(asked, name)) is not None]
    if asked.action is not None:
        conditions.append(table.c.action.icontains(asked.action, autoescape=True))
    if asked.since is not None:
        conditions.append(table.c.at >= asked.since)
    if asked.until is not None:
        conditions.append(table.c.at < asked.until)
    return conditions


def _record(row: sa.Row[tuple[object, ...]]) -> AuditRecord:
    return AuditRecord.model_validate(row, from_attributes=True)
