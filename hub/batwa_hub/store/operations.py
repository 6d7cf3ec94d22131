"""Operations in the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from batwa_common.wire.operation import ENDED, Operation
from batwa_common.wire.vm import VmCommand

from .database import Database
from .tables import operations

_COMMAND: TypeAdapter[VmCommand] = TypeAdapter(VmCommand)


@dataclass(frozen=True)
class Job:
    """An operation (`agent_id` the real one), its command, and whether its agent has confirmed it."""

    operation: Operation
    command: VmCommand
    submitted: bool = False

    @property
    def agent_id(self) -> str:
        """The agent that does it."""
        return self.operation.agent_id or ""


class OperationStore:
    """Operations with their commands. A write is on disk when its call returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, job: Job, *, owner: str = "") -> None:
        """Insert a new job of the process *owner*. Raises sqlalchemy's IntegrityError if its id is taken."""
        async with self._database.writing() as connection:
            await connection.execute(sa.insert(operations).values(owner=owner, **_values(job)))

    async def save(self, job: Job, *, owner: str = "") -> bool:
        """Write a job's present state; False, and nothing is written, if it is not *owner*'s any more."""
        mine = (operations.c.id == job.operation.id) & (operations.c.owner == owner)
        async with self._database.writing() as connection:
            done = await connection.execute(sa.update(operations).where(mine).values(_values(job)))
        return bool(done.rowcount)

    async def claim(self, owner: str, *, living: Collection[str] = ()) -> Sequence[Job]:
        """Make *owner*'s what has not ended and is no *living* process's; return those jobs, oldest first."""
        nobodys = operations.c.state.not_in(sorted(ENDED)) & operations.c.owner.not_in(sorted(living))
        async with self._database.writing() as connection:
            query = sa.select(operations).where(nobodys).order_by(operations.c.created_at)
            jobs = [_job(row) for row in (await connection.execute(query)).mappings()]
            if jobs:
                await connection.execute(sa.update(operations).where(nobodys).values(owner=owner))
        return jobs

    async def release(self, owner: str) -> None:
        """Leave what is *owner*'s and has not ended to whoever claims it."""
        mine = operations.c.state.not_in(sorted(ENDED)) & (operations.c.owner == owner)
        async with self._database.writing() as connection:
            await connection.execute(sa.update(operations).where(mine).values(owner="nobody"))

    async def find(self, operation_id: str) -> Job | None:
        """Return a job by its operation's id; None if there is none."""
        async with self._database.reading() as connection:
            query = sa.select(operations).where(operations.c.id == operation_id)
            row = (await connection.execute(query)).mappings().one_or_none()
        return _job(row) if row else None

    async def newest(self, limit: int, *, agents: frozenset[str] | None = None) -> Sequence[Job]:
        """Return the newest jobs first; with *agents* only those on them."""
        query = sa.select(operations).order_by(operations.c.created_at.desc(), operations.c.id).limit(limit)
        if agents is not None:
            query = query.where(operations.c.agent_id.in_(sorted(agents)))
        async with self._database.reading() as connection:
            return [_job(row) for row in (await connection.execute(query)).mappings()]

    async def prune(self, keep: int) -> None:
        """Remove the oldest ended jobs beyond *keep*."""
        newest = sa.select(operations.c.id).order_by(operations.c.created_at.desc()).limit(keep)
        async with self._database.writing() as connection:
            await connection.execute(
                sa.delete(operations).where(
                    operations.c.state.in_(sorted(ENDED)), operations.c.id.not_in(newest)
                )
            )


def _values(job: Job) -> dict[str, Any]:
    operation = job.operation
    plain = operation.model_dump(mode="json", include={"error", "vm", "log"})
    return {
        **dict(operation),
        **plain,
        "command": _COMMAND.dump_python(job.command, mode="json"),
        "submitted": job.submitted,
    }


def _job(row: sa.RowMapping) -> Job:
    values = dict(row)
    command, submitted = values.pop("command"), values.pop("submitted")
    del values["owner"]
    return Job(Operation.model_validate(values), _COMMAND.validate_python(command), submitted)
