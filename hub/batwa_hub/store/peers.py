"""Trusted hubs, addresses to look at, and their messages in the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from batwa_common.wire.peer import InboxMessage
from batwa_common.wire.resource import VmResource
from batwa_common.wire.user import Role

from .database import Database
from .tables import peer_addresses, peer_messages, peer_services, peers

_VMS: TypeAdapter[tuple[VmResource, ...]] = TypeAdapter(tuple[VmResource, ...])


@dataclass(frozen=True)
class PeerRow:
    """What is kept of a trusted hub."""

    id: str
    name: str
    public_key: str
    url: str
    role: Role
    added_at: datetime
    last_seen_at: datetime | None = None
    vms: tuple[VmResource, ...] | None = None
    vms_at: datetime | None = None
    ca: str | None = None
    """The CAs to believe there, PEM; None for those of the system."""

    def values(self) -> dict[str, Any]:
        """Return the row's columns."""
        vms = None if self.vms is None else _VMS.dump_json(self.vms).decode()
        return {**vars(self), "vms": vms}


class PeerStore:
    """What is kept for peers. A write is on disk when its call returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[PeerRow]:
        """Return every trusted hub."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(sa.select(peers))).mappings().all()
        return [
            PeerRow(**{**row, "vms": None if row["vms"] is None else _VMS.validate_json(row["vms"])})
            for row in rows
        ]

    async def put(self, row: PeerRow) -> None:
        """Add or replace a trusted hub."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(peers).where(peers.c.id == row.id))
            await connection.execute(sa.insert(peers).values(row.values()))

    async def update(self, row: PeerRow) -> None:
        """Write the latest of a trusted hub; one that was removed meanwhile stays removed."""
        async with self._database.writing() as connection:
            await connection.execute(sa.update(peers).where(peers.c.id == row.id).values(row.values()))

    async def remove(self, peer_id: str) -> None:
        """Remove a trusted hub; it is fine if there is none."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(peers).where(peers.c.id == peer_id))

    async def addresses(self) -> tuple[str, ...]:
        """Return where hubs are looked for."""
        async with self._database.reading() as connection:
            return tuple(await connection.scalars(sa.select(peer_addresses.c.url).order_by("url")))

    async def add_address(self, url: str) -> None:
        """Look for a hub there from now on."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(peer_addresses).where(peer_addresses.c.url == url))
            await connection.execute(sa.insert(peer_addresses).values(url=url))

    async def remove_address(self, url: str) -> bool:
        """Look there no longer; returns whether it was looked at."""
        async with self._database.writing() as connection:
            gone = await connection.execute(sa.delete(peer_addresses).where(peer_addresses.c.url == url))
        return bool(gone.rowcount)

    async def is_running(self) -> bool:
        """Whether P2P services were started last, and not stopped."""
        async with self._database.reading() as connection:
            return bool(await connection.scalar(sa.select(peer_services.c.running)))

    async def set_running(self, *, running: bool) -> None:
        """Remember whether P2P services run."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(peer_services))
            await connection.execute(sa.insert(peer_services).values(name="p2p", running=running))

    async def add_message(self, message: dict[str, Any], *, keep: int) -> int:
        """Keep a message, and the newest *keep* of all; returns its id."""
        async with self._database.writing() as connection:
            insert = sa.insert(peer_messages).values(message).returning(peer_messages.c.id)
            message_id = int((await connection.execute(insert)).scalar_one())
            old = peer_messages.c.id <= message_id - keep
            await connection.execute(sa.delete(peer_messages).where(old))
        return message_id

    async def messages(self, limit: int) -> tuple[InboxMessage, ...]:
        """Return the newest messages first."""
        newest = sa.select(peer_messages).order_by(peer_messages.c.id.desc()).limit(limit)
        async with self._database.reading() as connection:
            rows = (await connection.execute(newest)).all()
        return tuple(InboxMessage.model_validate(row, from_attributes=True) for row in rows)
