"""Who may log in, and as what."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
import structlog
from pydantic import SecretStr

from batwa_common.errors import NotAuthenticated
from batwa_common.wire.base import utc_now
from batwa_hub.store.database import Database
from batwa_hub.store.tables import sessions, users

from .guesses import Guesses
from .passwords import Passwords

log = structlog.stdlib.get_logger(__name__)

Role = Literal["viewer", "operator", "admin"]

ADMIN = "admin"
"""The user that the first start makes."""


@dataclass(frozen=True)
class User:
    """Somebody who may log in."""

    id: str
    name: str
    role: Role


class Accounts:
    """Users in the store.

    Args:
        database: Where they are.
        passwords: How their passwords are checked.
        guesses: Who must wait; left out, one of its own.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        *,
        guesses: Guesses | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._guesses = guesses or Guesses()
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

    async def authenticate(self, username: str, password: str, *, address: str) -> User:
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
        return User(row.id, row.name, row.role)

    async def set_admin_password(self, password: str) -> None:
        """Give `admin` this password and end its sessions; makes the user if there is none."""
        hashed = await self._passwords.hash(password)
        async with self._database.writing() as connection:
            user_id = await connection.scalar(sa.select(users.c.id).where(users.c.name == ADMIN))
            if user_id is None:
                await connection.execute(sa.insert(users).values(self._row(ADMIN, hashed, "admin")))
                return
            same = users.c.id == user_id
            await connection.execute(sa.update(users).where(same).values(password_hash=hashed))
            await connection.execute(sa.delete(sessions).where(sessions.c.user_id == user_id))

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
