"""The accounts as an administrator sees them: made, changed, kept out, removed; one admin always stays."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Conflict, InvalidRequest, NotFound
from batwa_common.wire.base import utc_now
from batwa_common.wire.user import ChangeUser, NewUser, Permissions, User, opens_terminals
from batwa_hub.store.database import Database
from batwa_hub.store.tables import totp, users

from .passwords import Passwords
from .rights import Rights
from .sessions import end_sessions
from .shares import end_links

_ALL = sa.select(
    users,
    sa.exists().where(totp.c.user_id == users.c.id, totp.c.confirmed_at.is_not(None)).label("totp"),
)

log = structlog.stdlib.get_logger(__name__)


class Users:
    """Accounts in the store, managed.

    Args:
        database: Where they are.
        passwords: How their passwords are hashed.
        on_change: Each called when an account may do less than before, or its password is another: what is
            known of its logins and tokens must be looked at anew.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        *,
        on_change: Sequence[Callable[[], None]] = (),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._on_change = on_change
        self._now = now

    async def find_all(self) -> tuple[User, ...]:
        """Return everybody, by name."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_ALL.order_by(users.c.name))
            return tuple(_shown(row) for row in rows)

    async def id_of(self, name: str) -> str:
        """Return the id of an account. Raises `NotFound`."""
        async with self._database.reading() as connection:
            return str((await _one(connection, name)).id)

    async def add(self, asked: NewUser) -> User:
        """Make an account. Raises `Conflict` if the name is taken."""
        row = new_row(asked.name, await self._passwords.hash(asked.password), asked, at=self._now())
        async with self._database.writing() as connection:
            if await connection.scalar(sa.select(users.c.id).where(users.c.name == asked.name)):
                raise Conflict(f"There is a user '{asked.name}' already; choose another name.")
            await connection.execute(sa.insert(users).values(row))
        log.info("user.added", user=asked.name, role=asked.role)
        return User.model_validate(row)

    async def change(self, name: str, change: ChangeUser) -> User:
        """Change an account; if it may do less than before or has another password, its sessions end.

        If it may do less, the links to terminals that it has given end as well.

        Raises `NotFound`, `Conflict` if no administrator would be left, and `InvalidRequest` for an
        administrator who would be limited to some agents.
        """
        hashed = None if change.password is None else await self._passwords.hash(change.password)
        async with self._database.writing() as connection:
            row = await _one(connection, name)
            news = _news(row, change)
            if news["disabled"] or news["role"] != "admin":
                await _keep_an_admin(connection, row)
            less = news["disabled"] or not _rights(news).cover(_rights(row._asdict()))
            if hashed is not None:
                news["password_hash"] = hashed
            await connection.execute(sa.update(users).where(users.c.id == row.id).values(news))
            if less or hashed is not None:
                await end_sessions(connection, row.id)
            if less:
                await end_links(connection, row.id)
            row = await _one(connection, name)
        self._tell()
        log.info("user.changed", user=name, fields=sorted(change.model_fields_set))
        return _shown(row)

    async def remove(self, name: str) -> None:
        """Remove an account with its sessions and tokens.

        Raises `NotFound`, and `Conflict` for the last administrator.
        """
        async with self._database.writing() as connection:
            row = await _one(connection, name)
            await _keep_an_admin(connection, row)
            await connection.execute(sa.delete(users).where(users.c.id == row.id))
        self._tell()
        log.info("user.removed", user=name)

    def _tell(self) -> None:
        for changed in self._on_change:
            changed()


def new_row(name: str, hashed: str, allowed: Permissions, *, at: datetime) -> dict[str, Any]:
    """Return the row of a new account."""
    return {
        "id": uuid.uuid4().hex,
        "name": name,
        "password_hash": hashed,
        "role": allowed.role,
        "terminals": allowed.opens_terminals,
        "agents": allowed.agents,
        "tags": allowed.tags,
        "disabled": False,
        "created_at": at,
    }


def _news(row: sa.Row[Any], change: ChangeUser) -> dict[str, Any]:
    """Return what *change* makes of an account. Raises `InvalidRequest`."""
    asked = change.model_dump(exclude={"password"}, exclude_unset=True)
    asked = {name: value for name, value in asked.items() if value is not None or name == "agents"}
    names = ("role", "terminals", "agents", "tags", "disabled")
    news = {name: getattr(row, name) for name in names} | asked
    if news["role"] != row.role and "terminals" not in asked:
        news["terminals"] = opens_terminals(news["role"])
    if news["role"] == "admin" and (news["agents"] is not None or news["tags"]):
        raise InvalidRequest(
            "An admin cannot be limited to some agents; lift the limit, or make it operator."
        )
    return news


def _rights(row: dict[str, Any]) -> Rights:
    return Rights.stored(row["role"], row["terminals"], row["agents"], row["tags"])


async def _one(connection: AsyncConnection, name: str) -> sa.Row[Any]:
    row = (await connection.execute(_ALL.where(users.c.name == name))).one_or_none()
    if row is None:
        raise NotFound(f"There is no user '{name}'; GET /api/users shows who there is.")
    return row


async def _keep_an_admin(connection: AsyncConnection, row: sa.Row[Any]) -> None:
    """Raise `Conflict` if nobody but *row* is an administrator who can log in."""
    able = (users.c.role == "admin") & ~users.c.disabled
    others = sa.select(users.c.id).where(able, users.c.id != row.id).limit(1)
    if row.role == "admin" and not row.disabled and await connection.scalar(others) is None:
        raise Conflict(f"'{row.name}' is the last administrator; make somebody else one first.")


def _shown(row: sa.Row[Any]) -> User:
    return User.model_validate(row, from_attributes=True)
