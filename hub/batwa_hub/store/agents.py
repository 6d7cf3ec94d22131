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

    async def put(self, row: AgentRow) -> None:
        """Add or replace an agent."""
        await self.put_all([row])

    async def put_all(self, rows: Iterable[AgentRow]) -> None:
        """Add or replace agents in one transaction."""
        async with self._database.writing() as connection:
            for row in rows:
                await _upsert(connection, agents, agents.c.agent_id == row.agent_id, row.values())

    async def remove(self, agent_id: str) -> None:
        """Remove an agent and its inventory; it is fine if there is none."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(inventories).where(inventories.c.agent_id == agent_id))
            await connection.execute(sa.delete(agents).where(agents.c.agent_id == agent_id))

    async def inventories(self) -> list[InventoryRow]:
        """Return the last inventory of every agent."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(sa.select(inventories))).mappings().all()
        return [
            InventoryRow(
                row["agent_id"],
                row["epoch"],
                row["revision"],
                _VMS.validate_json(row["vms"]),
                row["confirmed_at"],
            )
            for row in rows
        ]

    async def put_inventory(self, row: InventoryRow) -> None:
        """Add or replace an agent's inventory."""
        values = {
            "agent_id": row.agent_id,
            "epoch": row.epoch,
            "revision": row.revision,
            "vms": _VMS.dump_json(row.vms).decode(),
            "confirmed_at": row.confirmed_at,
        }
        async with self._database.writing() as connection:
            await _upsert(connection, inventories, inventories.c.agent_id == row.agent_id, values)


async def _upsert(
    connection: AsyncConnection, table: sa.Table, where: sa.ColumnElement[bool], values: dict[str, Any]
) -> None:
    done = await connection.execute(sa.update(table).where(where).values(values))
    if done.rowcount == 0:
        await connection.execute(sa.insert(table).values(values))


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
