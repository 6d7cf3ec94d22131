"""Agents' API keys: made once, looked up by hash, bound to one agent, revoked by deletion."""

import hashlib
import secrets
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from datetime import datetime

import sqlalchemy as sa
import structlog
from cryptography.fernet import InvalidToken, MultiFernet
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Conflict, InvalidApiKey, NotFound, Unavailable
from batwa_common.wire.agent import AgentKey, IssuedAgentKey
from batwa_common.wire.base import utc_now
from batwa_hub.store.database import Database
from batwa_hub.store.tables import agent_keys

from .living import Living, OnEnd
from .lookups import Lookups

log = structlog.stdlib.get_logger(__name__)

PREFIX = "bak_"
"""Tells a key from other secrets, for people and for programs that look for leaked ones."""
TOUCH_S = 60.0
"""How often at most the time of the last use is written."""
LOOK_S = 5.0
"""How often times of use are written, and keys that are in use looked at: another process may end them."""


class AgentKeys:
    """API keys in the store: their hash for agents that call us, encrypted for our calls to them.

    Args:
        database: Where they are.
        cipher: Encrypts them; its keys live outside the database.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self, database: Database, cipher: MultiFernet, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._now = now
        self._living: Living[AgentKey] = Living()
        self._lookups = Lookups(self._load)
        self._used: dict[str, datetime] = {}

    async def issue(self, name: str, agent_id: str | None = None) -> IssuedAgentKey:
        """Make a key; without *agent_id* it is bound to the first agent that uses it."""
        secret = PREFIX + secrets.token_urlsafe(32)
        key = AgentKey(id=uuid.uuid4().hex, name=name, agent_id=agent_id, created_at=self._now())
        row = {
            **key.model_dump(),
            "key_hash": hashed(secret),
            "key_encrypted": self._cipher.encrypt(secret.encode()).decode(),
        }
        async with self._database.writing() as connection:
            await connection.execute(sa.insert(agent_keys).values(row))
        log.info("agent_key.issued", key=key.id, name=name, agent=agent_id)
        return IssuedAgentKey(**key.model_dump(), api_key=secret)

    async def adopt(
        self, connection: AsyncConnection, secret: str, *, name: str, agent_id: str, approved: bool
    ) -> AgentKey:
        """Keep a key that an agent has made for itself, within *connection*'s transaction.

        The agent's other keys stay until it registers with this one: see `settle`.
        """
        key = AgentKey(
            id=uuid.uuid4().hex, name=name, agent_id=agent_id, created_at=self._now(), approved=approved
        )
        encrypted = self._cipher.encrypt(secret.encode()).decode()
        row = {**key.model_dump(), "key_hash": hashed(secret), "key_encrypted": encrypted, "replaces": True}
        await connection.execute(sa.insert(agent_keys).values(row))
        log.info("agent_key.adopted", key=key.id, agent=agent_id, approved=approved)
        return key

    async def replace(self, old: AgentKey, secret: str) -> AgentKey:
        """Keep *secret* as the next key of the agent of *old*. Raises `Conflict` if that is none yet."""
        if old.agent_id is None:
            raise Conflict("This key belongs to no agent yet: register with it first.")
        async with self._database.writing() as connection:
            if (known := await self.find(connection, secret)) is not None:
                if known.agent_id != old.agent_id:
                    raise InvalidApiKey("That key is another agent's; make a new one.")
                return known
            return await self.adopt(
                connection, secret, name=old.name, agent_id=old.agent_id, approved=old.approved
            )

    async def settle(self, key: AgentKey) -> None:
        """End an agent's other keys, now that it has registered with one that was to replace them."""
        one = agent_keys.c.id == key.id
        others = (agent_keys.c.agent_id == key.agent_id) & (agent_keys.c.id != key.id)
        async with self._database.reading() as connection:
            if not await connection.scalar(sa.select(agent_keys.c.replaces).where(one)):
                return
        async with self._database.writing() as connection:
            ended = (await connection.scalars(sa.select(agent_keys.c.id).where(others))).all()
            await connection.execute(sa.delete(agent_keys).where(others))
            await connection.execute(sa.update(agent_keys).where(one).values(replaces=False))
        self._end(*ended)
        log.info("agent_key.settled", key=key.id, agent=key.agent_id, ended=len(ended))

    async def approve(self, agent_id: str) -> None:
        """Let an agent be used with every key it has."""
        mine = agent_keys.c.agent_id == agent_id
        async with self._database.writing() as connection:
            await connection.execute(sa.update(agent_keys).where(mine).values(approved=True))
        self._living.doubt()

    async def find(self, connection: AsyncConnection, secret: str) -> AgentKey | None:
        """Return the key of that secret, or None, within *connection*'s transaction."""
        mine = agent_keys.c.key_hash == hashed(secret)
        row = (await connection.execute(sa.select(agent_keys).where(mine))).one_or_none()
        return None if row is None else _shown(row)

    async def find_all(self) -> tuple[AgentKey, ...]:
        """Return every key without its secret, oldest first."""
        query = sa.select(agent_keys).order_by(agent_keys.c.created_at, agent_keys.c.id)
        async with self._database.reading() as connection:
            keys = [_shown(row) for row in await connection.execute(query)]
        return tuple(key.model_copy(update={"last_used_at": self._last_use(key)}) for key in keys)

    async def revoke(self, key_id: str) -> None:
        """Remove a key: from now on nobody gets in with it. Raises `NotFound`."""
        async with self._database.writing() as connection:
            gone = await connection.execute(sa.delete(agent_keys).where(agent_keys.c.id == key_id))
        if not gone.rowcount:
            raise NotFound(f"There is no agent key '{key_id}'.")
        log.info("agent_key.revoked", key=key_id)
        self._end(key_id)

    def ends(self, key_id: str, callback: OnEnd) -> AbstractContextManager[None]:
        """While the block runs, have *callback* called once when that key is revoked.

        At once if this process does it, and within `LOOK_S` if another one does.
        """
        return self._living.watch(key_id, callback)

    async def authenticate(self, secret: str, agent_id: str | None) -> AgentKey:
        """Return the key of that secret, bound to *agent_id* if it was bound to none.

        None for *agent_id* binds nothing: the caller does not say yet who it is. Raises
        `InvalidApiKey` for an unknown or revoked key and for another agent's.
        """
        digest = hashed(secret)
        key = _usable(self._living.find(digest) or await self._lookups.find(digest), agent_id)
        if agent_id is not None and key.agent_id is None:
            key = await self._bind(digest, agent_id)
        now, last = self._now(), self._last_use(key)
        if last is None or (now - last).total_seconds() >= TOUCH_S:
            self._used[key.id] = now
        return key

    async def look(self) -> None:
        """Write when keys were used, and find out once which of those in use have ended elsewhere."""
        used, self._used = self._used, {}
        try:
            await self._write(used)
        except BaseException:
            self._used = used | self._used
            raise
        if watched := self._living.watched():
            async with self._database.reading() as connection:
                alive = set((await connection.scalars(sa.select(agent_keys.c.id))).all())
            for key_id in watched:
                if key_id not in alive:
                    self._end(key_id)

    async def secret_of(self, key_id: str) -> str:
        """Return a key's secret, to present it to its agent.

        Raises `InvalidApiKey` when it was revoked, `Unavailable` when `secret.key` is not the one it was
        encrypted with.
        """
        query = sa.select(agent_keys.c.key_encrypted).where(agent_keys.c.id == key_id)
        async with self._database.reading() as connection:
            encrypted = await connection.scalar(query)
        if encrypted is None:
            raise InvalidApiKey(f"Invalid API key: '{key_id}' has been revoked.")
        try:
            return self._cipher.decrypt(encrypted).decode()
        except InvalidToken as err:
            raise Unavailable(
                "The agent's key cannot be decrypted: secret.key is not the one it was encrypted with. "
                "Restore that file from a backup, or make the agent a new key."
            ) from err

    async def _load(self, digests: Collection[str]) -> Mapping[str, AgentKey]:
        ends, query = self._living.ends, sa.select(agent_keys).where(agent_keys.c.key_hash.in_(digests))
        async with self._database.reading() as connection:
            found = {row.key_hash: _shown(row) for row in await connection.execute(query)}
        for digest, key in found.items():
            self._living.remember(digest, key, ends=ends)
        return found

    async def _bind(self, digest: str, agent_id: str) -> AgentKey:
        mine = agent_keys.c.key_hash == digest
        async with self._database.writing() as connection:  # another agent may have been first since
            row = (await connection.execute(sa.select(agent_keys).where(mine))).one_or_none()
            key = _usable(None if row is None else _shown(row), agent_id).model_copy(
                update={"agent_id": agent_id}
            )
            await connection.execute(sa.update(agent_keys).where(mine).values(agent_id=agent_id))
        self._living.doubt()
        return key

    async def _write(self, used: Mapping[str, datetime]) -> None:
        if not used:
            return
        each = sa.update(agent_keys).where(agent_keys.c.id == sa.bindparam("key"))
        rows = [{"key": key_id, "at": at} for key_id, at in used.items()]
        async with self._database.writing() as connection:
            await connection.execute(each.values(last_used_at=sa.bindparam("at")), rows)
        self._living.doubt()

    def _last_use(self, key: AgentKey) -> datetime | None:
        return self._used.get(key.id, key.last_used_at)

    def _end(self, *key_ids: str) -> None:
        self._living.doubt()
        for key_id in key_ids:
            self._living.ended(key_id)


def hashed(secret: str) -> str:
    """Return under what a secret of ours is found."""
    # A plain hash: the secret has 256 random bits, there is nothing to guess or to compare in constant time.
    return hashlib.sha256(secret.encode()).hexdigest()


def _usable(key: AgentKey | None, agent_id: str | None) -> AgentKey:
    if key is None:
        raise InvalidApiKey(
            "Invalid API key: unknown or revoked. Make a new one with 'batwa-hub agent-key' or "
            "POST /api/agent/keys, and set it as BATWA_AGENT_API_KEY on the agent's machine."
        )
    if agent_id is not None and key.agent_id is not None and key.agent_id != agent_id:
        raise InvalidApiKey(f"Invalid API key: it is for the agent '{key.agent_id}', not for '{agent_id}'.")
    return key


def _shown(row: sa.Row[tuple[object, ...]]) -> AgentKey:
    return AgentKey.model_validate(row, from_attributes=True)
