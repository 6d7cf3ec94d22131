"""Pairing two hubs by a code that a person carries from one to the other.

Each side proves with an HMAC over both public keys that it has the code; the HMAC's key is derived from
the code with Argon2id. Whoever stands in between sees proofs, but has to guess 60 bits, each at the cost
of an Argon2id, within the ten minutes that the code lives.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog
from cryptography.fernet import MultiFernet
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import Conflict, InvalidRequest, PairingRefused
from batwa_common.wire.base import utc_now
from batwa_common.wire.peer import PairingClaim, PairingCode, PairingGrant, PeerIdentity, PeerRole
from batwa_hub.store.database import Database
from batwa_hub.store.tables import pairing_codes

log = structlog.stdlib.get_logger(__name__)

LIVES_S = 600.0
"""How long a code is good for: long enough to walk to the other hub."""
MOST_CODES = 8
"""Codes good at a time."""
MOST_ATTEMPTS = 10
"""Wrong attempts after which a code is withdrawn."""

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LENGTH, _GROUP = 12, 4
_MEMORY_KIB, _PASSES = 19 << 10, 2
_CLAIM, _GRANT = "batwa pairing 1: claim", "batwa pairing 1: grant"


def new_code() -> str:
    """Return 60 random bits as a person can type them; no letter looks like another."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def derived_key(code: str, maker_key: str) -> bytes:
    """Return the HMAC key of *code*, made by the hub with *maker_key*. Blocks for some 0.1 s.

    Raises `InvalidRequest` for what cannot be a code.
    """
    letters = "".join(letter for letter in code.upper() if letter not in " -")
    if len(letters) != _LENGTH or set(letters) - set(_LETTERS):
        raise InvalidRequest(f"a pairing code has {_LENGTH} letters and digits, such as {new_code()}")
    salt = hashlib.sha256(f"batwa pairing 1\0{maker_key}".encode()).digest()[:16]
    kdf = Argon2id(salt=salt, length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB)
    return kdf.derive(letters.encode())


def new_claim(
    key: bytes, maker_key: str, own: PeerIdentity, *, port: int, url: str | None, https: bool = False
) -> PairingClaim:
    """Return proof, for the hub that made the code, that it was typed at the hub *own*."""
    unproved = PairingClaim(
        name=own.name,
        public_key=own.public_key,
        port=port,
        url=url,
        https=https,
        ca=own.ca,
        nonce=_text(secrets.token_bytes(32)),
        proof="A" * 43,
    )
    return unproved.model_copy(update={"proof": _proof(key, _CLAIM, maker_key, unproved)})


def check_grant(key: bytes, maker_key: str, claim: PairingClaim, grant: PairingGrant) -> None:
    """Return if *grant* was made with the code, by the hub of that key; else raise `PairingRefused`."""
    expected = _proof(key, _GRANT, maker_key, claim, grant.name)
    if grant.public_key != maker_key or not hmac.compare_digest(expected, grant.proof):
        raise PairingRefused("what answers there does not have the code: it is not the hub that made it")


class Granted(NamedTuple):
    """A claim that was found good."""

    grant: PairingGrant
    role: PeerRole


class PairingCodes:
    """Codes that were made and not used yet, in the store: another process may redeem them.

    Args:
        own: This hub.
        database: Where they are.
        cipher: Encrypts their keys; its own live outside the database.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self,
        own: PeerIdentity,
        database: Database,
        cipher: MultiFernet,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._own = own
        self._database = database
        self._cipher = cipher
        self._now = now

    async def make(self, role: PeerRole) -> PairingCode:
        """Make a code; the hub at which it is typed may do here what *role* may."""
        code = new_code()
        key = await asyncio.to_thread(derived_key, code, self._own.public_key)
        expires_at = self._now() + timedelta(seconds=LIVES_S)
        row = {
            "id": uuid.uuid4().hex,
            "key_encrypted": self._cipher.encrypt(key).decode(),
            "role": role,
            "expires_at": expires_at,
            "wrong": 0,
        }
        async with self._database.writing() as connection:
            if len(await self._open(connection)) >= MOST_CODES:
                raise Conflict(f"{MOST_CODES} codes are open already; use one, or wait until they end")
            await connection.execute(sa.insert(pairing_codes).values(row))
        log.info("pairing.code_made", role=role)
        return PairingCode(code=code, expires_at=expires_at, role=role)

    async def redeem(self, claim: PairingClaim) -> Granted:
        """Use up the code that *claim* proves, and prove the same in return. Raises `PairingRefused`."""
        async with self._database.writing() as connection:
            codes = await self._open(connection)
            for code in codes:
                key = self._cipher.decrypt(code.key_encrypted)
                expected = _proof(key, _CLAIM, self._own.public_key, claim)
                if hmac.compare_digest(expected, claim.proof):
                    await connection.execute(sa.delete(pairing_codes).where(pairing_codes.c.id == code.id))
                    proof = _proof(key, _GRANT, self._own.public_key, claim, self._own.name)
                    grant = PairingGrant(name=self._own.name, public_key=self._own.public_key, proof=proof)
                    return Granted(grant, code.role)
            await connection.execute(sa.update(pairing_codes).values(wrong=pairing_codes.c.wrong + 1))
        log.warning("pairing.refused", name=claim.name, open_codes=len(codes))
        raise PairingRefused("the pairing code is wrong, used up or expired; make a new one there")

    async def clear(self) -> None:
        """End every code."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(pairing_codes))

    async def _open(self, connection: AsyncConnection) -> Sequence[sa.Row[Any]]:
        ended = (pairing_codes.c.expires_at <= self._now()) | (pairing_codes.c.wrong >= MOST_ATTEMPTS)
        await connection.execute(sa.delete(pairing_codes).where(ended))
        return (await connection.execute(sa.select(pairing_codes))).all()


def _proof(key: bytes, kind: str, maker_key: str, claim: PairingClaim, *more: str) -> str:
    where = [claim.port, claim.url, claim.https, claim.ca]
    parts = [kind, maker_key, claim.public_key, claim.nonce, claim.name, *where, *more]
    return _text(hmac.digest(key, json.dumps(parts).encode(), "sha256"))


def _text(bits: bytes) -> str:
    return base64.urlsafe_b64encode(bits).decode().rstrip("=")
