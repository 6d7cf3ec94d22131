"""Logging in with a password, and changing it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Forbidden, NotAuthenticated
from batwa_common.wire.base import utc_now
from batwa_common.wire.user import ChangePassword, Permissions, Role
from batwa_hub.store.database import Database
from batwa_hub.store.tables import passkeys, totp, users

from .guesses import Guesses
from .passwords import Passwords
from .sessions import end_sessions
from .users import new_row

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
    """Who may log in, by what the store has of them.

    Args:
        database: Where they are.
        passwords: How their passwords are checked.
        guesses: Who must wait; tests pass their own.
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
        self._guesses = guesses or Guesses(database)
        self._on_change = on_change
        self._now = now

    async def add_first(self, password: str) -> Authenticated | None:
        """Make the user `admin` if nobody has an account; return it, or None if somebody has one."""
        if await self.anybody():
            return None
        row = self._admin(await self._passwords.hash(password))
        async with self._database.writing() as connection:
            if await connection.scalar(sa.select(users.c.id).limit(1)):
                return None  # another was first
            await connection.execute(sa.insert(users).values(row))
        log.info("user.added", user=ADMIN, role="admin")
        return Authenticated(str(row["id"]), ADMIN, "admin")

    async def anybody(self) -> bool:
        """Tell whether anybody has an account."""
        async with self._database.reading() as connection:
            return await connection.scalar(sa.select(users.c.id).limit(1)) is not None

    async def authenticate(
        self, username: str, password: str, *, address: str, device: str | None = None
    ) -> Authenticated:
        """Return the user of that name and password; *device* names one that logged in before.

        Raises `NotAuthenticated`, the same after the same time whether the name or the password is
        wrong, `Forbidden` if both are right and the account is disabled, and `TooManyRequests` for
        guessing from *address*.
        """
        await self._guesses.attempt(username, address, device=device)
        async with self._database.reading() as connection:
            row = (await connection.execute(sa.select(users).where(users.c.name == username))).one_or_none()
        if not await self._passwords.verify(password, row.password_hash if row else None) or row is None:
            log.warning("login.refused", user=username, remote=address)
            raise NotAuthenticated("Invalid username or password")
        await self._guesses.succeeded(username, address, device=device)
        if row.disabled:
            log.warning("login.disabled", user=username, remote=address)
            raise Forbidden("This account is disabled; ask an administrator to enable it.")
        return Authenticated(row.id, row.name, row.role)

    async def set_admin_password(self, password: str) -> None:
        """Give `admin` this password as the only way in, and end its sessions; make it if there is none."""
        hashed = await self._passwords.hash(password)
        async with self._database.writing() as connection:
            user_id = await connection.scalar(sa.select(users.c.id).where(users.c.name == ADMIN))
            if user_id is None:
                await connection.execute(sa.insert(users).values(self._admin(hashed)))
                return
            await _set_password(connection, user_id, hashed)
            for table in (totp, passkeys):
                await connection.execute(sa.delete(table).where(table.c.user_id == user_id))
        self._tell()

    async def change_password(
        self, user_id: str, asked: ChangePassword, *, keep: str | None, address: str
    ) -> None:
        """Give a user another password; their sessions but *keep* end. Raises what `verify` does."""
        await self.verify(user_id, asked.current, address=address)
        hashed = await self._passwords.hash(asked.new)
        async with self._database.writing() as connection:
            await _set_password(connection, user_id, hashed, keep=keep)
        self._tell()
        log.info("user.password_changed", user_id=user_id)

    async def verify(self, user_id: str, password: str, *, address: str) -> None:
        """Return if *password* is the user's, who is logged in and asks for something grave.

        Raises `NotAuthenticated`, and `TooManyRequests` for guessing.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(sa.select(users).where(users.c.id == user_id))).one_or_none()
        name = row.name if row else ""
        await self._guesses.attempt(name, address)
        if not await self._passwords.verify(password, row.password_hash if row else None):
            raise NotAuthenticated("The current password is wrong.")
        await self._guesses.succeeded(name, address)

    def _tell(self) -> None:
        for changed in self._on_change:
            changed()

    def _admin(self, hashed: str) -> dict[str, Any]:
        return new_row(ADMIN, hashed, Permissions(role="admin"), at=self._now())


async def _set_password(
    connection: AsyncConnection, user_id: str, hashed: str, *, keep: str | None = None
) -> None:
    await connection.execute(sa.update(users).where(users.c.id == user_id).values(password_hash=hashed))
    await end_sessions(connection, user_id, keep=keep)
