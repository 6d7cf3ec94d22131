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
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import structlog
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from batwa_common.errors import Conflict, InvalidRequest, PairingRefused
from batwa_common.wire.base import utc_now
from batwa_common.wire.peer import PairingClaim, PairingCode, PairingGrant, PeerIdentity, PeerRole

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


class _Code:
    def __init__(self, key: bytes, role: PeerRole, ends_s: float) -> None:
        self.key = key
        self.role = role
        self.ends_s = ends_s
        self.wrong = 0


class PairingCodes:
    """Codes made here, in memory: a restart ends them.

    Args:
        own: This hub.
        now: Monotonic clock in seconds; tests pass their own.
    """

    def __init__(self, own: PeerIdentity, *, now: Callable[[], float] = time.monotonic) -> None:
        self._own = own
        self._now = now
        self._codes: list[_Code] = []

    async def make(self, role: PeerRole) -> PairingCode:
        """Make a code; the hub at which it is typed may do here what *role* may."""
        self._drop_ended()
        if len(self._codes) >= MOST_CODES:
            raise Conflict(f"{MOST_CODES} codes are open already; use one, or wait until they end")
        code = new_code()
        key = await asyncio.to_thread(derived_key, code, self._own.public_key)
        self._codes.append(_Code(key, role, self._now() + LIVES_S))
        log.info("pairing.code_made", role=role)
        return PairingCode(code=code, expires_at=utc_now() + timedelta(seconds=LIVES_S), role=role)

    def redeem(self, claim: PairingClaim) -> Granted:
        """Use up the code that *claim* proves, and prove the same in return. Raises `PairingRefused`."""
        self._drop_ended()
        for code in self._codes:
            expected = _proof(code.key, _CLAIM, self._own.public_key, claim)
            if hmac.compare_digest(expected, claim.proof):
                self._codes.remove(code)
                proof = _proof(code.key, _GRANT, self._own.public_key, claim, self._own.name)
                grant = PairingGrant(name=self._own.name, public_key=self._own.public_key, proof=proof)
                return Granted(grant, code.role)
        for code in self._codes:
            code.wrong += 1
        log.warning("pairing.refused", name=claim.name, open_codes=len(self._codes))
        raise PairingRefused("the pairing code is wrong, used up or expired; make a new one there")

    def clear(self) -> None:
        """End every code."""
        self._codes.clear()

    def _drop_ended(self) -> None:
        now_s = self._now()
        self._codes = [code for code in self._codes if code.ends_s > now_s and code.wrong < MOST_ATTEMPTS]


def _proof(key: bytes, kind: str, maker_key: str, claim: PairingClaim, *more: str) -> str:
    where = [claim.port, claim.url, claim.https, claim.ca]
    parts = [kind, maker_key, claim.public_key, claim.nonce, claim.name, *where, *more]
    return _text(hmac.digest(key, json.dumps(parts).encode(), "sha256"))


def _text(bits: bytes) -> str:
    return base64.urlsafe_b64encode(bits).decode().rstrip("=")
