"""Authenticator apps: a secret that a code confirms, codes that count once, and recovery codes."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import pyotp
import sqlalchemy as sa
import structlog
from cryptography.fernet import MultiFernet
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Conflict, NotAuthenticated, NotFound, SecondFactorRequired
from batwa_common.wire.base import utc_now
from batwa_common.wire.totp import NewTotp, RecoveryCodes
from batwa_hub.store.database import Database
from batwa_hub.store.tables import totp

from .guesses import Guesses

log = structlog.stdlib.get_logger(__name__)

RECOVERY_CODES = 10
APP = "app"
"""Where codes are counted: one place for an account's codes, wherever they come from."""
_RECOVERY_BYTES = 10
_DRIFT_STEPS = 1
"""A phone's clock may be off by one step of 30 s (RFC 6238, section 5.2)."""


class Factor(NamedTuple):
    """What an account has beside its password."""

    enabled: bool
    recovery_codes: int
    """How many are left."""


class SecondFactors:
    """Authenticator apps of accounts, their secrets encrypted in the store.

    Args:
        database: Where they are.
        cipher: Encrypts the secrets; its keys live outside the database.
        guesses: Who must wait; tests pass their own. Codes are counted by account alone: only who has
            the password gets that far, so no stranger locks an owner out.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self,
        database: Database,
        cipher: MultiFernet,
        *,
        guesses: Guesses | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._guesses = guesses or Guesses(database)
        self._now = now

    async def of(self, user_id: str) -> Factor:
        """Return what an account has."""
        async with self._database.reading() as connection:
            row = await _find(connection, user_id)
        enabled = row is not None and row.confirmed_at is not None
        return Factor(enabled, len(row.recovery) if row is not None and enabled else 0)

    async def begin(self, user_id: str, *, name: str, issuer: str) -> NewTotp:
        """Make a secret, in the place of one that was never confirmed.

        *name* and *issuer* are what the app shows. Raises `Conflict` if there is a second factor.
        """
        secret = pyotp.random_base32()
        row = {
            "user_id": user_id,
            "secret_encrypted": self._cipher.encrypt(secret.encode()).decode(),
            "last_step": 0,
            "recovery": [],
        }
        async with self._database.writing() as connection:
            old = await _find(connection, user_id)
            if old is not None and old.confirmed_at is not None:
                raise Conflict("There is an authenticator app already; remove it first.")
            await connection.execute(sa.delete(totp).where(totp.c.user_id == user_id))
            await connection.execute(sa.insert(totp).values(row))
        uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)
        return NewTotp(secret=secret, uri=uri)

    async def confirm(self, user_id: str, code: str) -> RecoveryCodes:
        """Have the secret count from now on, if *code* is of it.

        Raises `NotFound` if there is none to confirm, `NotAuthenticated`, `TooManyRequests`.
        """
        await self._guesses.attempt(user_id, "", of="codes", device=APP)
        async with self._database.writing() as connection:
            row = await _find(connection, user_id)
            if row is None or row.confirmed_at is not None:
                raise NotFound("There is no new secret to confirm; begin with POST /api/auth/totp.")
            step = self._step(row, code)
            codes = await self._new_codes(connection, user_id, last_step=step, confirmed_at=self._now())
        await self._guesses.succeeded(user_id, "", of="codes", device=APP)
        log.info("totp.enabled", user_id=user_id)
        return codes

    async def check(self, user_id: str, code: str | None) -> None:
        """Return if an account has no second factor, or *code* is of it; no code counts twice.

        Raises `SecondFactorRequired` without a code, `NotAuthenticated`, and `TooManyRequests`.
        """
        if not (await self.of(user_id)).enabled:
            return
        if code is None:
            raise SecondFactorRequired(
                "Send the code of your authenticator app, or a recovery code, as `code`."
            )
        await self._guesses.attempt(user_id, "", of="codes", device=APP)
        async with self._database.writing() as connection:
            row = await _find(connection, user_id)
            if row is not None:  # removed meanwhile, there is nothing to check any more
                await self._use(connection, row, code)
        await self._guesses.succeeded(user_id, "", of="codes", device=APP)

    async def renew(self, user_id: str, code: str) -> RecoveryCodes:
        """Replace all recovery codes. Raises what `check` does, and `NotFound` without a second factor."""
        await self._require(user_id, code)
        async with self._database.writing() as connection:
            codes = await self._new_codes(connection, user_id)
        log.info("totp.codes_renewed", user_id=user_id)
        return codes

    async def remove(self, user_id: str, code: str) -> None:
        """Let the password alone do again. Raises what `renew` does."""
        await self._require(user_id, code)
        await self.reset(user_id)

    async def reset(self, user_id: str) -> None:
        """Remove an account's second factor, if it has one: an administrator's help for a lost phone."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(totp).where(totp.c.user_id == user_id))
        log.info("totp.removed", user_id=user_id)

    async def _require(self, user_id: str, code: str) -> None:
        if not (await self.of(user_id)).enabled:
            raise NotFound("There is no authenticator app; add one with POST /api/auth/totp.")
        await self.check(user_id, code)

    async def _use(self, connection: AsyncConnection, row: sa.Row[Any], code: str) -> None:
        one = sa.update(totp).where(totp.c.user_id == row.user_id)
        hashed = _hash(code)
        if hashed in row.recovery:
            left = [each for each in row.recovery if each != hashed]
            await connection.execute(one.values(recovery=left))
            log.warning("totp.recovery_code_used", user_id=row.user_id, left=len(left))
        else:
            await connection.execute(one.values(last_step=self._step(row, code)))

    def _step(self, row: sa.Row[Any], code: str) -> int:
        """Return the 30 s step that *code* is of, later than the last used. Raises `NotAuthenticated`."""
        app = pyotp.TOTP(self._cipher.decrypt(row.secret_encrypted).decode())
        given, now = _plain(code), app.timecode(self._now())
        for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1):
            matches = hmac.compare_digest(app.generate_otp(step).encode(), given.encode())
            if matches and step > row.last_step:
                return step
        raise NotAuthenticated("The code is wrong or has been used; wait for the app's next one.")

    async def _new_codes(self, connection: AsyncConnection, user_id: str, **more: Any) -> RecoveryCodes:
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        one = sa.update(totp).where(totp.c.user_id == user_id)
        await connection.execute(one.values(recovery=[_hash(code) for code in codes], **more))
        return RecoveryCodes(codes=tuple(codes))


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _plain(code: str) -> str:
    return code.replace(" ", "").replace("-", "").lower()


def _hash(code: str) -> str:
    # A plain hash: a recovery code has 80 random bits, there is nothing to guess.
    return hashlib.sha256(_plain(code).encode()).hexdigest()


async def _find(connection: AsyncConnection, user_id: str) -> sa.Row[Any] | None:
    return (await connection.execute(sa.select(totp).where(totp.c.user_id == user_id))).one_or_none()
