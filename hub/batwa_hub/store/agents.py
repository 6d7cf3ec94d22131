"""Agents and their inventories in the database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.wire.agent import DriverStatus, HostLoad
from batwa_common.wire.vm import Vm

from .database import Database
from .tables import agents, inventories

TOLD = (
    *("hostname", "api_url", "tags", "key_id", "version", "features"),
    *("api_version", "last_seen_at", "waiting"),
)
"""What an agent tells when it registers."""
GIVEN = ("waiting", "given_name", "given_tags")
"""What the hub says of it."""
SEEN = ("last_seen_at", "driver", "load")
"""What comes with its heartbeats."""

_VMS: TypeAdapter[tuple[Vm, ...]] = TypeAdapter(tuple[Vm, ...])


@dataclass(frozen=True)
class AgentRow:
    """What is kept of an agent."""

    agent_id: str
    hostname: str
    api_url: str
    tags: dict[str, str]
    key_id: str
    version: str | None
    features: tuple[str, ...]
    api_version: int
    registered_at: datetime
    last_seen_at: datetime
    driver: DriverStatus | None
    load: HostLoad | None
    waiting: bool = False
    """Whether an administrator has still to approve it: until then nobody calls it."""
    given_name: str | None = None
    """What the hub calls it; None for its own host name."""
    given_tags: Mapping[str, str] = field(default_factory=dict)
    """What the hub says of it."""

    @property
    def shown_name(self) -> str:
        """What people see it as."""
        return self.given_name or self.hostname

    @property
    def all_tags(self) -> dict[str, str]:
        """What it says of itself and the hub says of it; the hub's word wins."""
        return {**self.tags, **self.given_tags}

    def values(self) -> dict[str, Any]:
        """Return the row's columns."""
        return {
            "agent_id": self.agent_id,
            "hostname": self.hostname,
            "api_url": self.api_url,
            "tags": self.tags,
            "key_id": self.key_id,
            "version": self.version,
            "features": list(self.features),
            "api_version": self.api_version,
            "registered_at": self.registered_at,
            "last_seen_at": self.last_seen_at,
            "driver": self.driver.model_dump(mode="json") if self.driver else None,
            "load": self.load.model_dump(mode="json") if self.load else None,
            "waiting": self.waiting,
            "given_name": self.given_name,
            "given_tags": dict(self.given_tags),
        }


@dataclass(frozen=True)
class InventoryRow:
    """The last inventory an agent told."""

    agent_id: str
    epoch: str
    revision: int
    vms: tuple[Vm, ...]
    confirmed_at: datetime


class AgentStore:
    """Agents and inventories. A write is on disk when its call returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[AgentRow]:
        """Return every agent."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(sa.select(agents))).mappings().all()
        return [_agent_row(row) for row in rows]

    async def find(self, agent_id: str) -> AgentRow | None:
        """Return an agent; None if there is none."""
        async with self._database.reading() as connection:
            return await _find(connection, agent_id)

    async def seen_since(self, at: datetime) -> list[AgentRow]:
        """Return the agents that were heard from after *at*."""
        async with self._database.reading() as connection:
            query = sa.select(agents).where(agents.c.last_seen_at > at)
            return [_agent_row(row) for row in (await connection.execute(query)).mappings()]

    async def put_told(self, row: AgentRow) -> AgentRow:
        """Add an agent, or replace what it tells of itself; return all that is known of it then."""
        return await self._put(row, TOLD)

    async def put_given(self, row: AgentRow) -> AgentRow:
        """Add an agent, or replace what the hub says of it; return all that is known of it then."""
        return await self._put(row, GIVEN)

    async def _put(self, row: AgentRow, names: Iterable[str]) -> AgentRow:
        values, mine = row.values(), agents.c.agent_id == row.agent_id
        async with self._database.writing() as connection:
            changed = {name: values[name] for name in names}
            done = await connection.execute(sa.update(agents).where(mine).values(changed))
            if done.rowcount == 0:
                await connection.execute(sa.insert(agents).values(values))
            return await _find(connection, row.agent_id) or row

    async def put_seen(self, rows: Iterable[AgentRow]) -> None:
        """Write when agents were last heard from and what they told then, unless the store has later news."""
        values = [row.values() for row in rows]
        seen = [{f"new_{name}": each[name] for name in ("agent_id", *SEEN)} for each in values]
        mine = agents.c.agent_id == sa.bindparam("new_agent_id")
        newer = agents.c.last_seen_at < sa.bindparam("new_last_seen_at", type_=agents.c.last_seen_at.type)
        news = {name: sa.bindparam(f"new_{name}", type_=agents.c[name].type) for name in SEEN}
        async with self._database.writing() as connection:
            await connection.execute(sa.update(agents).where(mine, newer).values(news), seen)

    async def remove(self, agent_id: str) -> None:
        """Remove an agent and its inventory; it is fine if there is none."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(inventories).where(inventories.c.agent_id == agent_id))
            await connection.execute(sa.delete(agents).where(agents.c.agent_id == agent_id))

    async def inventories(self) -> list[InventoryRow]:
        """Return the last inventory of every agent."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(sa.select(inventories))).mappings().all()
        return [_inventory_row(row) for row in rows]

    async def find_inventory(self, agent_id: str) -> InventoryRow | None:
        """Return the last inventory of an agent; None if it has told none."""
        query = sa.select(inventories).where(inventories.c.agent_id == agent_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return _inventory_row(row) if row else None

    async def put_inventory(self, row: InventoryRow) -> None:
        """Add or replace an agent's inventory, unless there is a later one of the same epoch."""
        values = {
            "agent_id": row.agent_id,
            "epoch": row.epoch,
            "revision": row.revision,
            "vms": _VMS.dump_json(row.vms).decode(),
            "confirmed_at": row.confirmed_at,
        }
        async with self._database.writing() as connection:
            there = sa.select(inventories.c.epoch, inventories.c.revision)
            mine = inventories.c.agent_id == row.agent_id
            before = (await connection.execute(there.where(mine))).one_or_none()
            if before is None:
                await connection.execute(sa.insert(inventories).values(values))
            elif before.epoch != row.epoch or before.revision <= row.revision:
                await connection.execute(sa.update(inventories).where(mine).values(values))


async def _find(connection: AsyncConnection, agent_id: str) -> AgentRow | None:
    query = sa.select(agents).where(agents.c.agent_id == agent_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return _agent_row(row) if row else None


def _inventory_row(row: sa.RowMapping) -> InventoryRow:
    vms = _VMS.validate_json(row["vms"])
    return InventoryRow(row["agent_id"], row["epoch"], row["revision"], vms, row["confirmed_at"])


def _agent_row(row: sa.RowMapping) -> AgentRow:
    driver, load = row["driver"], row["load"]
    return AgentRow(
        agent_id=row["agent_id"],
        hostname=row["hostname"],
        api_url=row["api_url"],
        tags=row["tags"],
        key_id=row["key_id"],
        version=row["version"],
        features=tuple(row["features"]),
        api_version=row["api_version"],
        registered_at=row["registered_at"],
        last_seen_at=row["last_seen_at"],
        driver=DriverStatus.model_validate(driver) if driver else None,
        load=HostLoad.model_validate(load) if load else None,
        waiting=row["waiting"],
        given_name=row["given_name"],
        given_tags=row["given_tags"],
    )
