"""API tokens: made once, looked up by hash, never stronger than their owner, ended at once when revoked."""

import contextlib
import hashlib
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from batwa_common.errors import Conflict, Forbidden, NotAuthenticated, NotFound
from batwa_common.wire.base import utc_now
from batwa_common.wire.token import IssuedToken, NewToken, Token
from batwa_common.wire.user import RANK
from batwa_hub.store.database import Database
from batwa_hub.store.tables import api_tokens, users

from .guesses import Guesses
from .living import Living, OnEnd
from .rights import Rights

log = structlog.stdlib.get_logger(__name__)

PREFIX = "bat_"
"""Tells a token from other secrets, for people and for programs that look for leaked ones."""
TOUCH_S = 60.0
"""How often at most the time of the last use is written."""
MOST_TOKENS = 1_000
"""Tokens one user may have; expired ones are removed when another is made."""

_ALL = sa.select(
    api_tokens,
    users.c.name.label("owner"),
    users.c.role.label("owner_role"),
    users.c.terminals.label("owner_terminals"),
    users.c.agents.label("owner_agents"),
    users.c.tags.label("owner_tags"),
    users.c.disabled.label("owner_disabled"),
).join(users, users.c.id == api_tokens.c.user_id)


@dataclass(frozen=True)
class Grant:
    """What somebody who shows a token may do."""

    key: str
    """Names the token and its present rights without giving it away."""
    token_id: str
    name: str
    owner: str
    user_id: str
    rights: Rights
    """What both the token and its owner may."""
    expires_at: datetime | None


class Tokens:
    """Tokens in the store, under their hash: who reads the database cannot log in with them.

    Args:
        database: Where they are.
        guesses: Who must wait; tests pass their own.
        now: Wall clock; tests pass their own.
        clock: Monotonic clock in seconds, for the cache; tests pass their own.
    """

    def __init__(
        self,
        database: Database,
        *,
        guesses: Guesses | None = None,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._guesses = guesses or Guesses(database)
        self._now = now
        self._living = Living[Grant](clock)

    async def issue(
        self, asked: NewToken, *, user_id: str, rights: Rights, with_token: str | None
    ) -> IssuedToken:
        """Make a token for a user.

        *rights* are what the caller may do. *with_token* is the id of the token that asks, if it is one:
        what it makes ends no later than itself. Raises `Forbidden` for more than the caller may,
        `Conflict` for too many.
        """
        if RANK[asked.role] > RANK[rights.role]:
            raise Forbidden(
                f"A token cannot do more than its owner, who is {rights.role}; ask for that role."
            )
        if asked.terminals and not rights.terminals:
            raise Forbidden(
                "A token cannot do more than its owner, who may not open terminals; leave that out."
            )
        secret, now = PREFIX + secrets.token_urlsafe(32), self._now()
        row = {
            **asked.model_dump(include={"name", "role", "agents", "tags"}),
            "id": uuid.uuid4().hex,
            "terminals": asked.opens_terminals and rights.terminals,
            "user_id": user_id,
            "secret_hash": _hash(secret),
            "created_at": now,
            "expires_at": asked.expires_in_s and now + timedelta(seconds=asked.expires_in_s),
        }
        async with self._database.writing() as connection:
            mine = api_tokens.c.user_id == user_id
            await connection.execute(sa.delete(api_tokens).where(mine, api_tokens.c.expires_at <= now))
            if with_token is not None:
                maker = (await connection.execute(_ALL.where(api_tokens.c.id == with_token))).one_or_none()
                row["expires_at"] = _bounded_by(maker, row["expires_at"])
            count = sa.select(sa.func.count()).select_from(api_tokens).where(mine)
            if (await connection.scalar(count) or 0) >= MOST_TOKENS:
                raise Conflict(f"There are {MOST_TOKENS} tokens already; revoke some that are not used.")
            await connection.execute(sa.insert(api_tokens).values(row))
            made = (await connection.execute(_ALL.where(api_tokens.c.id == row["id"]))).one()
        log.info("token.issued", token=made.id, name=made.name, owner=made.owner, role=made.role)
        return IssuedToken(**_shown(made).model_dump(), token=secret)

    async def find_all(self, *, user_id: str | None) -> tuple[Token, ...]:
        """Return the tokens of a user, or everybody's if None, without their secrets, oldest first."""
        query = _ALL.order_by(api_tokens.c.created_at, api_tokens.c.id)
        if user_id is not None:
            query = query.where(api_tokens.c.user_id == user_id)
        async with self._database.reading() as connection:
            return tuple(_shown(row) for row in await connection.execute(query))

    async def revoke(
        self, token_id: str, *, user_id: str | None, rights: Rights, only: str | None = None
    ) -> None:
        """Remove a token, a user's or if None anybody's; what is open through it ends now.

        Raises `NotFound`, and `Forbidden` for a token that may do more than *rights*, the caller's, or
        is not *only*, which a limited token may remove: itself.
        """
        one = api_tokens.c.id == token_id
        async with self._database.writing() as connection:
            row = (await connection.execute(_ALL.where(one))).one_or_none()
            if row is None or user_id not in {None, row.user_id}:
                raise NotFound(f"There is no token '{token_id}'.")
            if only not in {None, row.id} or not rights.cover(_rights(row)):
                raise Forbidden(f"Token '{token_id}' is not this one's to revoke; log in to do that.")
            await connection.execute(sa.delete(api_tokens).where(one))
        log.info("token.revoked", token=token_id, owner=row.owner)
        self._living.doubt()
        await self.look()

    async def authenticate(self, secret: str, *, address: str) -> Grant:
        """Return what the token of that secret allows.

        Raises `NotAuthenticated`, and `TooManyRequests` for guessing from *address*. A right token is
        never made to wait: with 256 random bits nobody gets to one by guessing.
        """
        grant = self._living.find(_hash(secret)) or await self._load(_hash(secret))
        if grant is not None and (grant.expires_at is None or self._now() < grant.expires_at):
            return grant
        await self._guesses.attempt("token", address, of="tokens")
        log.warning("token.refused", remote=address)
        raise NotAuthenticated(
            "The token is unknown, revoked or expired; make one with POST /api/auth/tokens."
        )

    def ends(self, key: str, callback: OnEnd) -> contextlib.AbstractContextManager[None]:
        """While the block runs, have *callback* called once when the grant of that key has ended.

        Within a second, for whatever reason: revoked, expired, its owner gone, disabled or allowed less.
        """
        return self._living.watch(key, callback)

    def doubt(self) -> None:
        """Ask the store anew about every token: accounts have changed."""
        self._living.doubt()

    async def look(self) -> None:
        """Look once whether watched grants have ended."""
        if not (watched := self._living.watched()):
            return
        hashes = {key.partition(":")[0] for key in watched}
        async with self._database.reading() as connection:
            rows = (await connection.execute(_ALL.where(api_tokens.c.secret_hash.in_(hashes)))).all()
        now = self._now()
        alive = {_key(row) for row in rows if _is_alive(row, now)}
        for key in watched:
            if key not in alive:
                self._living.ended(key)

    async def _load(self, hashed: str) -> Grant | None:
        ends, now, mine = self._living.ends, self._now(), api_tokens.c.secret_hash == hashed
        async with self._database.reading() as connection:
            row = (await connection.execute(_ALL.where(mine))).one_or_none()
        if row is None or not _is_alive(row, now):
            return None
        if row.last_used_at is None or (now - row.last_used_at).total_seconds() > TOUCH_S:
            async with self._database.writing() as connection:
                await connection.execute(sa.update(api_tokens).where(mine).values(last_used_at=now))
        grant = _grant(row)
        self._living.remember(hashed, grant, ends=ends)
        return grant


def _hash(secret: str) -> str:
    # A plain hash: the secret has 256 random bits, there is nothing to guess or to compare in constant time.
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: sa.Row[Any]) -> str:
    return f"{row.secret_hash}:{_rights(row)}"


def _is_alive(row: sa.Row[Any], now: datetime) -> bool:
    return not row.owner_disabled and (row.expires_at is None or now < row.expires_at)


def _rights(row: sa.Row[Any]) -> Rights:
    owners = Rights.stored(row.owner_role, row.owner_terminals, row.owner_agents, row.owner_tags)
    return owners & Rights.stored(row.role, row.terminals, row.agents, row.tags)


def _grant(row: sa.Row[Any]) -> Grant:
    return Grant(
        key=_key(row),
        token_id=row.id,
        name=row.name,
        owner=row.owner,
        user_id=row.user_id,
        rights=_rights(row),
        expires_at=row.expires_at,
    )


def _bounded_by(maker: sa.Row[Any] | None, expires_at: datetime | None) -> datetime | None:
    """Return when a token that *maker* makes is to expire. Raises `Forbidden` if it may make none."""
    if maker is None or maker.agents is not None or maker.tags:
        raise Forbidden("A token that is limited to some agents cannot make tokens; log in to make one.")
    ends = [at for at in (maker.expires_at, expires_at) if at is not None]
    return min(ends, default=None)


def _shown(row: sa.Row[Any]) -> Token:
    return Token.model_validate(row, from_attributes=True)
