"""Who may log in, and as what."""

import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Conflict, NotAuthenticated, NotFound
from batwa_common.wire.base import utc_now
from batwa_common.wire.user import RANK, ChangePassword, ChangeUser, NewUser, Role, User
from batwa_hub.store.database import Database
from batwa_hub.store.tables import sessions, users

from .guesses import Guesses
from .passwords import Passwords

log = structlog.stdlib.get_logger(__name__)

ADMIN = "admin"
"""The user that the first start makes."""


@dataclass(frozen=True)
class Authenticated:
    """Somebody whose password was right."""

    id: str
    name: str
    role: Role


class Accounts:
    """Users in the store.

    Args:
        database: Where they are.
        passwords: How their passwords are checked.
        guesses: Who must wait; left out, one of its own.
        on_change: Each called when an account may do less than before, or its password is another: what is
            known of its logins and tokens must be looked at anew.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        *,
        guesses: Guesses | None = None,
        on_change: Sequence[Callable[[], None]] = (),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._guesses = guesses or Guesses()
        self._on_change = on_change
        self._now = now

    async def ensure_admin(self, password: SecretStr | None) -> str | None:
        """Make the user `admin` if there is no user at all.

        Returns the password if one had to be made up, to be shown once and never logged; else None.
        """
        if await self._anybody():
            return None
        chosen = password.get_secret_value() if password else secrets.token_urlsafe(15)
        hashed = await self._passwords.hash(chosen)
        async with self._database.writing() as connection:
            if await connection.scalar(sa.select(users.c.id).limit(1)):
                return None  # another process was first
            await connection.execute(sa.insert(users).values(self._row(ADMIN, hashed, "admin")))
        return None if password else chosen

    async def authenticate(self, username: str, password: str, *, address: str) -> Authenticated:
        """Return the user of that name and password.

        Raises `NotAuthenticated`, the same after the same time whether the name or the password is
        wrong, and `TooManyRequests` for guessing from *address*.
        """
        self._guesses.attempt(username, address)
        async with self._database.reading() as connection:
            row = (await connection.execute(sa.select(users).where(users.c.name == username))).one_or_none()
        if not await self._passwords.verify(password, row.password_hash if row else None) or row is None:
            log.warning("login.refused", user=username, remote=address)
            raise NotAuthenticated("Invalid username or password")
        self._guesses.succeeded(username, address)
        log.info("login.succeeded", user=username, remote=address)
        return Authenticated(row.id, row.name, row.role)

    async def set_admin_password(self, password: str) -> None:
        """Give `admin` this password and end its sessions; makes the user if there is none."""
        hashed = await self._passwords.hash(password)
        async with self._database.writing() as connection:
            user_id = await connection.scalar(sa.select(users.c.id).where(users.c.name == ADMIN))
            if user_id is None:
                await connection.execute(sa.insert(users).values(self._row(ADMIN, hashed, "admin")))
                return
            await _update(connection, user_id, {"password_hash": hashed}, ends_sessions=True)
        self._tell()

    async def find_all(self) -> tuple[User, ...]:
        """Return everybody, by name."""
        async with self._database.reading() as connection:
            rows = await connection.execute(sa.select(users).order_by(users.c.name))
            return tuple(_shown(row) for row in rows)

    async def add(self, asked: NewUser) -> User:
        """Make an account. Raises `Conflict` if the name is taken."""
        row = self._row(asked.name, await self._passwords.hash(asked.password), asked.role)
        async with self._database.writing() as connection:
            if await connection.scalar(sa.select(users.c.id).where(users.c.name == asked.name)):
                raise Conflict(f"There is a user '{asked.name}' already; choose another name.")
            await connection.execute(sa.insert(users).values(row))
        log.info("user.added", user=asked.name, role=asked.role)
        return User.model_validate(row)

    async def change(self, name: str, change: ChangeUser) -> User:
        """Change an account; with a lesser role or another password its sessions end.

        Raises `NotFound`, and `Conflict` if no administrator would be left.
        """
        news: dict[str, object] = change.model_dump(include={"role"}, exclude_none=True)
        if change.password is not None:
            news["password_hash"] = await self._passwords.hash(change.password)
        async with self._database.writing() as connection:
            row = await _one(connection, name)
            demoted = change.role is not None and RANK[change.role] < RANK[row.role]
            if demoted:
                await _keep_an_admin(connection, row)
            ends = demoted or change.password is not None
            await _update(connection, row.id, news, ends_sessions=ends)
            row = await _one(connection, name)
        self._tell()
        log.info("user.changed", user=name, role=row.role, password=change.password is not None)
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

    async def change_password(
        self, user_id: str, asked: ChangePassword, *, keep: str | None, address: str
    ) -> None:
        """Give a user another password; their sessions but *keep* end.

        Raises `NotAuthenticated` if the current one is wrong, `TooManyRequests` for guessing.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(sa.select(users).where(users.c.id == user_id))).one_or_none()
        name = row.name if row else ""
        self._guesses.attempt(name, address)
        if not await self._passwords.verify(asked.current, row.password_hash if row else None):
            raise NotAuthenticated("The current password is wrong.")
        self._guesses.succeeded(name, address)
        hashed = await self._passwords.hash(asked.new)
        async with self._database.writing() as connection:
            await _update(connection, user_id, {"password_hash": hashed}, ends_sessions=True, keep=keep)
        self._tell()
        log.info("user.password_changed", user=name)

    def _tell(self) -> None:
        for changed in self._on_change:
            changed()

    async def _anybody(self) -> bool:
        async with self._database.reading() as connection:
            return await connection.scalar(sa.select(users.c.id).limit(1)) is not None

    def _row(self, name: str, hashed: str, role: Role) -> dict[str, object]:
        return {
            "id": uuid.uuid4().hex,
            "name": name,
            "password_hash": hashed,
            "role": role,
            "created_at": self._now(),
        }


async def _one(connection: AsyncConnection, name: str) -> sa.Row[Any]:
    row = (await connection.execute(sa.select(users).where(users.c.name == name))).one_or_none()
    if row is None:
        raise NotFound(f"There is no user '{name}'; GET /api/users shows who there is.")
    return row


async def _keep_an_admin(connection: AsyncConnection, row: sa.Row[Any]) -> None:
    """Raise `Conflict` if nobody but *row* is an administrator."""
    others = sa.select(users.c.id).where(users.c.role == ADMIN, users.c.id != row.id).limit(1)
    if row.role == ADMIN and await connection.scalar(others) is None:
        raise Conflict(f"'{row.name}' is the last administrator; make somebody else one first.")


async def _update(
    connection: AsyncConnection,
    user_id: str,
    values: dict[str, object],
    *,
    ends_sessions: bool,
    keep: str | None = None,
) -> None:
    if values:
        await connection.execute(sa.update(users).where(users.c.id == user_id).values(values))
    if ends_sessions:
        theirs = sa.delete(sessions).where(sessions.c.user_id == user_id)
        await connection.execute(theirs if keep is None else theirs.where(sessions.c.id_hash != keep))


def _shown(row: sa.Row[Any]) -> User:
    return User.model_validate(row, from_attributes=True)
