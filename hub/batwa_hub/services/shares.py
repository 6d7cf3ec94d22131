"""Links to terminals: made once, looked up by hash, ended at once when revoked or expired.

A link ends with whom it comes from too: an account that is removed or may do less than before, a token that
is revoked or expired, a hub that is trusted no longer.
"""

import contextlib
import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Conflict, NotAuthenticated, NotFound
from batwa_common.scope import Scope
from batwa_common.wire.base import utc_now
from batwa_common.wire.share import IssuedShare, NewShare, Share
from batwa_hub.store.database import Database
from batwa_hub.store.tables import api_tokens, peers, users
from batwa_hub.store.tables import terminal_shares as shares

from .guesses import Guesses
from .living import Living, OnEnd
from .rights import common_scope, stored_scope

log = structlog.stdlib.get_logger(__name__)

PREFIX = "bts_"
"""Tells a link's secret from other secrets, for people and for programs that look for leaked ones."""
MOST_SHARES = 100
"""Of one terminal."""
_ENDED = "The link is unknown, revoked or expired; ask for a new one."


class Shares:
    """Links in the store, by the hash of their secret.

    Args:
        database: Where they are.
        guesses: Who must wait; tests pass their own.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self, database: Database, *, guesses: Guesses | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._guesses = guesses or Guesses(database)
        self._now = now
        self._living = Living[Share]()

    async def issue(
        self, terminal_id: str, asked: NewShare, *, by: str, owner_id: str | None, page: str
    ) -> IssuedShare:
        """Make a link; *page* is where a browser is to go with it. Raises `Conflict` for too many.

        *owner_id* is the account, token or hub with which it ends.
        """
        secret, now = PREFIX + secrets.token_urlsafe(32), self._now()
        share = Share(
            id=secrets.token_hex(6),
            terminal_id=terminal_id,
            mode=asked.mode,
            created_by=by,
            created_at=now,
            expires_at=now + timedelta(seconds=asked.expires_in_s),
        )
        row = {**share.model_dump(exclude={"viewers"}), "secret_hash": _hash(secret), "owner_id": owner_id}
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(shares).where(shares.c.expires_at <= now))
            of_it = sa.select(sa.func.count()).where(shares.c.terminal_id == terminal_id)
            if (await connection.scalar(of_it) or 0) >= MOST_SHARES:
                raise Conflict(f"There are {MOST_SHARES} links to this terminal already; revoke some.")
            await connection.execute(sa.insert(shares).values(row))
        log.info("share.issued", share=share.id, terminal=terminal_id, mode=share.mode, by=by)
        return IssuedShare(**share.model_dump(), token=secret, url=f"{page}#share={secret}")

    async def find(self, terminal_id: str) -> tuple[Share, ...]:
        """Return the links to a terminal that still work, oldest first."""
        query = sa.select(shares).where(shares.c.terminal_id == terminal_id, _lives(self._now()))
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(shares.c.created_at, shares.c.id))
            return tuple(Share.model_validate(row, from_attributes=True) for row in rows)

    async def revoke(self, terminal_id: str, share_id: str) -> None:
        """Remove a link; what is open through it ends now. Raises `NotFound`."""
        mine = (shares.c.id == share_id) & (shares.c.terminal_id == terminal_id)
        async with self._database.writing() as connection:
            gone = await connection.execute(sa.delete(shares).where(mine))
        if not gone.rowcount:
            raise NotFound(f"There is no link '{share_id}' to that terminal.")
        log.info("share.revoked", share=share_id, terminal=terminal_id)
        self._living.ended(share_id)

    async def end_of(self, terminal_id: str) -> None:
        """Remove every link to a terminal: it is no more."""
        for share in await self.find(terminal_id):
            with contextlib.suppress(NotFound):  # revoked meanwhile
                await self.revoke(terminal_id, share.id)

    async def authenticate(self, secret: str, *, address: str) -> Share:
        """Return the link of that secret.

        Raises `NotAuthenticated`, and `TooManyRequests` for guessing from *address*. A right secret is
        never made to wait: with 256 random bits nobody gets to one by guessing.
        """
        query = sa.select(shares).where(shares.c.secret_hash == _hash(secret), _lives(self._now()))
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is not None:
            return Share.model_validate(row, from_attributes=True)
        await self._guesses.attempt("share", address, of="links")
        log.warning("share.refused", remote=address)
        raise NotAuthenticated(_ENDED)

    async def scope_of(self, share: Share) -> Scope | None:
        """Return the limit of whom the link comes from, which holds for whoever comes by it too."""
        query = (
            sa.select(users.c.agents, users.c.tags, api_tokens.c.agents, api_tokens.c.tags)
            .select_from(shares)
            .outerjoin(api_tokens, api_tokens.c.id == shares.c.owner_id)
            .outerjoin(users, users.c.id == sa.func.coalesce(api_tokens.c.user_id, shares.c.owner_id))
            .where(shares.c.id == share.id)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotAuthenticated(_ENDED)
        agents, tags, token_agents, token_tags = row
        return common_scope(stored_scope(agents, tags), stored_scope(token_agents, token_tags))

    def ends(self, share_id: str, callback: OnEnd) -> contextlib.AbstractContextManager[None]:
        """While the block runs, have *callback* called once, within a second, when the link has ended."""
        return self._living.watch(share_id, callback)

    async def look(self) -> None:
        """Look once whether links in use have ended."""
        if not (watched := self._living.watched()):
            return
        query = sa.select(shares.c.id).where(shares.c.id.in_(watched), _lives(self._now()))
        async with self._database.reading() as connection:
            alive = set((await connection.scalars(query)).all())
        for share_id in watched:
            if share_id not in alive:
                self._living.ended(share_id)


async def end_links(connection: AsyncConnection, user_id: str) -> None:
    """End the links of a user and of their tokens, as part of a greater change."""
    tokens = sa.select(api_tokens.c.id).where(api_tokens.c.user_id == user_id)
    theirs = (shares.c.owner_id == user_id) | shares.c.owner_id.in_(tokens)
    await connection.execute(sa.delete(shares).where(theirs))


def _lives(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a link has not expired, and that whoever it comes from may still give one."""
    may = ~users.c.disabled & users.c.terminals
    lasts = api_tokens.c.expires_at.is_(None) | (api_tokens.c.expires_at > now)
    owner = shares.c.owner_id
    account = sa.exists().where(users.c.id == owner, may)
    token = sa.exists().where(
        api_tokens.c.id == owner, api_tokens.c.terminals, lasts, users.c.id == api_tokens.c.user_id, may
    )
    hub = sa.exists().where(peers.c.id == owner, peers.c.role != "viewer")
    return (shares.c.expires_at > now) & (owner.is_(None) | account | token | hub)


def _hash(secret: str) -> str:
    # A plain hash: the secret has 256 random bits, there is nothing to guess or to compare in constant time.
    return hashlib.sha256(secret.encode()).hexdigest()
