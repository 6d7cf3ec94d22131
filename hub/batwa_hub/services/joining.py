"""Join tokens: how a machine becomes an agent of this hub with one pasted line."""

import re
import secrets
import uuid
from collections.abc import Callable, Container, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Conflict, JoinRefused, NotFound
from batwa_common.wire.agent import Agent, AgentKey
from batwa_common.wire.base import utc_now
from batwa_common.wire.join import IssuedJoinToken, Join, Joined, JoinTicket, JoinToken, NewJoinToken
from batwa_hub.store.database import Database
from batwa_hub.store.tables import agent_keys, agents, join_tokens

from .guesses import Guesses
from .keys import AgentKeys, hashed
from .registry import Registry

log = structlog.stdlib.get_logger(__name__)

MOST_TOKENS = 1000
"""Join tokens at a time; expired ones are removed when another is made."""
MOST_NAMESAKES = 1000
"""Machines of one name; the second gets `-2`."""
LONGEST_ID = 56
"""Characters of an id that is made up; what makes it unique comes on top."""
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


class HubAddress(NamedTuple):
    """Where machines that join find the hub, and how they know it."""

    urls: Sequence[str]
    fingerprint: str | None
    """SHA-256 of the hub's own CA; None if the system's trust store is to be asked."""
    advice: str | None = None
    """What is to be done first, if other machines reach it at none of `urls`."""


class Joining:
    """Tokens in the store, under their hash, and what happens when one is spent.

    Args:
        database: Where they are.
        keys: Keeps the keys that agents make.
        registry: Learns who is to come.
        approval: Whether an administrator has to approve each machine.
        ca: Tells the CAs that agents are to believe, PEM; None for the system's.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self,
        database: Database,
        keys: AgentKeys,
        registry: Registry,
        *,
        approval: bool,
        ca: Callable[[], str | None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._keys = keys
        self._registry = registry
        self._approval = approval
        self._ca = ca
        self._now = now
        self._guesses = Guesses(database)

    async def issue(self, asked: NewJoinToken, *, by: str, at: HubAddress) -> IssuedJoinToken:
        """Make a token. Raises `Conflict` for too many, or several uses of one id."""
        if asked.uses > 1 and asked.agent_id is not None:
            raise Conflict("Several machines cannot have one id: leave out agent_id, or uses.")
        secret, now = secrets.token_urlsafe(32), self._now()
        row = {
            **asked.model_dump(include={"name", "agent_id", "tags", "uses"}),
            "uses_left": asked.uses,
            "id": uuid.uuid4().hex,
            "secret_hash": hashed(secret),
            "created_by": by,
            "created_at": now,
            "expires_at": now + timedelta(seconds=asked.expires_in_s),
        }
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(join_tokens).where(join_tokens.c.expires_at <= now))
            if (await connection.scalar(sa.select(sa.func.count(join_tokens.c.id))) or 0) >= MOST_TOKENS:
                raise Conflict(f"There are {MOST_TOKENS} join tokens already; revoke some.")
            await connection.execute(sa.insert(join_tokens).values(row))
        log.info("join_token.issued", token=row["id"], name=asked.name, by=by, uses=asked.uses)
        text = JoinTicket(hubs=tuple(at.urls), fp=at.fingerprint, secret=secret).to_text()
        told = {"token": text, "command": f"batwa-agent join {text}", "hubs": tuple(at.urls)}
        return IssuedJoinToken.model_validate(row | told | {"advice": at.advice})

    async def find_all(self) -> tuple[JoinToken, ...]:
        """Return the tokens that have not expired, oldest first, without their secrets."""
        query = sa.select(join_tokens).where(join_tokens.c.expires_at > self._now())
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(join_tokens.c.created_at, join_tokens.c.id))
            return tuple(JoinToken.model_validate(row, from_attributes=True) for row in rows)

    async def revoke(self, token_id: str) -> None:
        """Remove a token; who has joined with it stays. Raises `NotFound`."""
        async with self._database.writing() as connection:
            gone = await connection.execute(sa.delete(join_tokens).where(join_tokens.c.id == token_id))
        if not gone.rowcount:
            raise NotFound(f"There is no join token '{token_id}'.")
        log.info("join_token.revoked", token=token_id)

    async def join(self, asked: Join, *, address: str) -> Joined:
        """Spend a token: keep the machine's key and say who it is.

        The same key again, as after an answer that was lost, gets the same answer and spends nothing.
        Raises `JoinRefused`, `TooManyRequests` for guessing from *address*, and `Conflict` for an id that
        is another's.
        """
        async with self._database.writing() as connection:
            spent = await self._spend(connection, asked)
        if spent is None:
            await self._guesses.attempt("join", address, of="join tokens")
            log.warning("join.refused", remote=address, hostname=asked.hostname)
            raise JoinRefused(
                "The join token is unknown, used up, revoked or expired; make a new one: batwa agent add"
            )
        token, key, agent_id = spent
        name = token.name if token.uses == 1 else None
        row = await self._registry.expect(
            agent_id,
            hostname=asked.hostname,
            key_id=key.id,
            waiting=not key.approved,
            name=name,
            tags=token.tags,
        )
        log.info("join.joined", agent=agent_id, token=token.id, remote=address, waiting=row.waiting)
        status = "waiting" if row.waiting else "approved"
        return Joined(agent_id=agent_id, name=name, status=status, ca=self._ca())

    async def approve(self, agent_id: str) -> Agent:
        """Let a waiting agent be used; one that does not wait stays as it is. Raises `AgentNotFound`."""
        await self._registry.approve(agent_id)
        await self._keys.approve(agent_id)
        return self._registry.get(agent_id)

    async def _spend(
        self, connection: AsyncConnection, asked: Join
    ) -> tuple[sa.Row[Any], AgentKey, str] | None:
        one = (join_tokens.c.secret_hash == hashed(asked.secret)) & (join_tokens.c.expires_at > self._now())
        token = (await connection.execute(sa.select(join_tokens).where(one))).one_or_none()
        if token is None:
            return None
        if (known := await self._keys.find(connection, asked.api_key)) is not None and known.agent_id:
            return token, known, known.agent_id
        if not token.uses_left:
            return None
        former = await self._keys.find(connection, asked.former_key) if asked.former_key else None
        agent_id = await _agent_id(connection, token, asked, former)
        vouched = former is not None and former.approved and former.agent_id == agent_id
        key = await self._keys.adopt(
            connection,
            asked.api_key,
            name=token.name or asked.hostname,
            agent_id=agent_id,
            approved=vouched or not self._approval,
        )
        await connection.execute(sa.update(join_tokens).where(one).values(uses_left=token.uses_left - 1))
        return token, key, agent_id


async def _agent_id(
    connection: AsyncConnection, token: sa.Row[Any], asked: Join, former: AgentKey | None
) -> str:
    """Return the id for who joins. Raises `Conflict` if the one that is wanted is another's."""
    if token.agent_id is not None:
        return str(token.agent_id)
    mine = former.agent_id if former is not None else None
    if mine is not None and asked.agent_id in {None, mine}:
        return mine
    taken = await _ids(connection)
    if asked.agent_id is None:
        name = token.name if token.uses == 1 else None
        return _free(id_from(name or asked.hostname), taken)
    if asked.agent_id in taken:
        raise Conflict(
            f"There is an agent '{asked.agent_id}' already. To replace it make a token for that id: "
            f"batwa agent add --agent {asked.agent_id}"
        )
    return asked.agent_id


def id_from(name: str) -> str:
    """Return a valid agent id made from *name*; `agent` if nothing of it can stay."""
    return _NOT_IN_AN_ID.sub("-", name)[:LONGEST_ID].strip("._-") or "agent"


def _free(wanted: str, taken: Container[str]) -> str:
    ids = (wanted, *(f"{wanted}-{n}" for n in range(2, MOST_NAMESAKES)))
    if (found := next((each for each in ids if each not in taken), None)) is None:
        raise Conflict(f"There are {MOST_NAMESAKES} agents like '{wanted}'; name this one.")
    return found


async def _ids(connection: AsyncConnection) -> frozenset[str]:
    """Return every id that an agent has, or a key is for."""
    of_keys = sa.select(agent_keys.c.agent_id).where(agent_keys.c.agent_id.is_not(None))
    both = sa.union(sa.select(agents.c.agent_id), of_keys)
    return frozenset((await connection.scalars(both)).all())
