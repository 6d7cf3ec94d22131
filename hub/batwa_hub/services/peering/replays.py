"""Signed requests of other hubs that have been here: none is good twice, at whichever process it comes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from batwa_common.errors import SignatureRefused
from batwa_hub.store.database import Database
from batwa_hub.store.tables import peer_requests

CLOCKS_DIFFER_S = 5.0
"""How far the clocks of a hub's processes may be apart."""


class Replays:
    """What has been here, in the store until it expires: what trusted hubs can have sent in a minute.

    Args:
        database: Where it is remembered.
        now: Wall clock in seconds; tests pass their own.
    """

    def __init__(self, database: Database, *, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    async def refuse(self, peer_id: str, jti: str, *, good_until_s: float) -> None:
        """Remember the request *jti* of a hub. Raises `SignatureRefused` if it has been here before."""
        seen = peer_requests.c
        this = (seen.peer_id == peer_id) & (seen.jti == jti)
        row = {"peer_id": peer_id, "jti": jti, "expires_at": _at(good_until_s + CLOCKS_DIFFER_S)}
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(peer_requests).where(seen.expires_at < _at(self._now())))
            if await connection.scalar(sa.select(sa.literal(1)).where(this)):
                raise SignatureRefused("the request has been here before: it was replayed")
            await connection.execute(sa.insert(peer_requests).values(row))


def _at(time_s: float) -> datetime:
    return datetime.fromtimestamp(time_s, UTC)
