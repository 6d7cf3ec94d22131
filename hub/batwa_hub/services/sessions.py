"""Logins: made, found, ended, and watched by whatever must not outlive them."""

import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import NotFound
from batwa_common.wire.base import utc_now
from batwa_common.wire.session import Session
from batwa_hub.store.database import Database
from batwa_hub.store.tables import sessions, users

from .living import Living, OnEnd
from .rights import Rights

TOUCH_S = 60.0
"""How often at most the time of the last use is written."""
CLIENT_CHARS = 200
"""What is kept of what a browser says of itself."""
SHOWN_CHARS = 16
"""Of a session's key, which name it to its owner."""


@dataclass(frozen=True)
class Login:
    """Somebody's session."""

    key: str
    """Names the session without giving it away: SHA-256 of its id."""
    user_id: str
    username: str
    rights: Rights
    created_at: datetime
    expires_at: datetime
    last_seen_at: datetime
    data: dict[str, Any]


class Sessions:
    """Sessions in the store, under the hash of their id: who reads the database cannot log in with it.

    Args:
        database: Where they are.
        lifetime_s: Seconds after which a session ends, used or not.
        idle_s: Seconds without use after which it ends.
        now: Wall clock; tests pass their own.
        clock: Monotonic clock in seconds, for the cache; tests pass their own.
    """

    def __init__(
        self,
        database: Database,
        *,
        lifetime_s: float,
        idle_s: float,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self.lifetime_s = lifetime_s
        self._lifetime = timedelta(seconds=lifetime_s)
        self._idle = timedelta(seconds=idle_s)
        self._now = now
        self._living = Living[Login](clock)

    async def begin(
        self, user_id: str, data: dict[str, Any], *, address: str | None = None, client: str | None = None
    ) -> str:
        """Make a session and return its id, which is kept nowhere.

        *address* and *client*, of which `CLIENT_CHARS` are kept, are for its owner to recognise it by.
        """
        session_id, now = secrets.token_urlsafe(32), self._now()
        row = {
            "id_hash": _key(session_id),
            "user_id": user_id,
            "created_at": now,
            "expires_at": now + self._lifetime,
            "last_seen_at": now,
            "data": data,
            "address": address,
            "client": client and client[:CLIENT_CHARS],
        }
        async with self._database.writing() as connection:
            await connection.execute(sa.insert(sessions).values(row))
            await connection.execute(sa.update(users).where(users.c.id == user_id).values(last_login_at=now))
        return session_id

    async def find(self, session_id: str) -> Login | None:
        """Return the login of that id, or None if there is none (any more)."""
        key = _key(session_id)
        login = self._living.find(key) or await self._load(key)
        if login is None or not self._is_alive(login):
            return None
        return login

    async def end(self, key: str) -> None:
        """End a session, wherever it is in use. Unknown ones have ended already."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(sessions).where(sessions.c.id_hash == key))
        self._living.ended(key)

    async def find_all(self, user_id: str, *, current: str | None = None) -> tuple[Session, ...]:
        """Return a user's living sessions, the last used first; *current* is the key of the one that asks."""
        now = self._now()
        alive = (sessions.c.expires_at > now) & (sessions.c.last_seen_at > now - self._idle)
        query = sa.select(sessions, users.c.name).join(users, users.c.id == sessions.c.user_id)
        mine = query.where(sessions.c.user_id == user_id, alive).order_by(sessions.c.last_seen_at.desc())
        async with self._database.reading() as connection:
            return tuple(_shown(row, current) for row in await connection.execute(mine))

    async def end_one(self, session_id: str, *, user_id: str) -> None:
        """End the session of a user that `find_all` shows under that id. Raises `NotFound`."""
        shown = sa.func.substr(sessions.c.id_hash, 1, SHOWN_CHARS)
        query = sa.select(sessions.c.id_hash).where(sessions.c.user_id == user_id, shown == session_id)
        async with self._database.reading() as connection:
            key = await connection.scalar(query)
        if key is None:
            raise NotFound(
                f"There is no session '{session_id}'; GET /api/auth/sessions shows which there are."
            )
        await self.end(key)

    async def end_of_user(self, user_id: str, *, keep: str | None = None) -> None:
        """End every session of a user, but the one of the key *keep*."""
        async with self._database.writing() as connection:
            query = sa.select(sessions.c.id_hash).where(sessions.c.user_id == user_id)
            keys = (await connection.scalars(query)).all()
            await end_sessions(connection, user_id, keep=keep)
        for key in keys:
            if key != keep:
                self._living.ended(key)

    def ends(self, key: str, callback: OnEnd) -> contextlib.AbstractContextManager[None]:
        """While the block runs, have *callback* called once when the session has ended, for whatever reason.

        Within a second also when it expired or another process ended it. Until then the session
        counts as used.
        """
        return self._living.watch(key, callback)

    def doubt(self) -> None:
        """Ask the store anew about every session: accounts have changed."""
        self._living.doubt()

    async def look(self) -> None:
        """Look once whether watched sessions have ended, and drop dead ones from the store."""
        now, watched = self._now(), self._living.watched()
        dead = (sessions.c.expires_at <= now) | (sessions.c.last_seen_at <= now - self._idle)
        async with self._database.reading() as connection:
            alive = await _last_seen(connection, watched)
            any_dead = await connection.scalar(sa.select(sessions.c.id_hash).where(dead).limit(1))
        due = [key for key, at in alive.items() if (now - at).total_seconds() > TOUCH_S]
        if due or any_dead:
            async with self._database.writing() as connection:
                await _touch(connection, due, now)
                await connection.execute(sa.delete(sessions).where(dead))
                alive = await _last_seen(connection, watched)
        for key in watched:
            if key not in alive:
                self._living.ended(key)

    def _is_alive(self, login: Login) -> bool:
        now = self._now()
        return now < login.expires_at and now - login.last_seen_at < self._idle

    async def _load(self, key: str) -> Login | None:
        ends = self._living.ends
        async with self._database.reading() as connection:
            login = await _find(connection, key)
        if login is None or not self._is_alive(login):
            return None
        now = self._now()
        if (now - login.last_seen_at).total_seconds() > TOUCH_S:
            async with self._database.writing() as connection:
                await _touch(connection, [key], now)
        self._living.remember(key, login, ends=ends)
        return login


async def end_sessions(connection: AsyncConnection, user_id: str, *, keep: str | None = None) -> None:
    """End a user's sessions but *keep*, as part of a greater change; doubt the sessions afterwards."""
    theirs = sa.delete(sessions).where(sessions.c.user_id == user_id)
    await connection.execute(theirs if keep is None else theirs.where(sessions.c.id_hash != keep))


def _shown(row: sa.Row[Any], current: str | None) -> Session:
    return Session(
        id=row.id_hash[:SHOWN_CHARS],
        username=row.name,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        address=row.address,
        client=row.client,
        current=row.id_hash == current,
    )


def _key(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()


async def _find(connection: AsyncConnection, key: str) -> Login | None:
    query = (
        sa.select(sessions, users.c.name, users.c.role, users.c.terminals, users.c.agents, users.c.tags)
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.id_hash == key, ~users.c.disabled)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    return Login(
        key=key,
        user_id=row.user_id,
        username=row.name,
        rights=Rights.stored(row.role, row.terminals, row.agents, row.tags),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_seen_at=row.last_seen_at,
        data=row.data,
    )


async def _last_seen(connection: AsyncConnection, keys: list[str]) -> dict[str, datetime]:
    """Return when each of *keys* that still exists was last used."""
    if not keys:
        return {}
    query = sa.select(sessions.c.id_hash, sessions.c.last_seen_at).where(sessions.c.id_hash.in_(keys))
    return {row.id_hash: row.last_seen_at for row in await connection.execute(query)}


async def _touch(connection: AsyncConnection, keys: list[str], now: datetime) -> None:
    if keys:
        touched = sa.update(sessions).where(sessions.c.id_hash.in_(keys))
        await connection.execute(touched.values(last_seen_at=now))
