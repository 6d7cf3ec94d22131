"""Passkeys: added by who is logged in, and then a login by themselves, since the device checks its owner."""

import ipaddress
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog
import webauthn
from cryptography.fernet import InvalidToken, MultiFernet
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from batwa_common.errors import Conflict, Forbidden, InvalidRequest, NotAuthenticated, NotFound
from batwa_common.wire.base import utc_now
from batwa_common.wire.passkey import NewPasskey, Passkey, PasskeyLogin, PasskeyOptions
from batwa_hub.store.database import Database
from batwa_hub.store.tables import passkeys, users

from .accounts import Authenticated

log = structlog.stdlib.get_logger(__name__)

TICKET_S = 300
"""How long a person may take to answer their device."""
MOST_PASSKEYS = 20
"""Of one account."""
_VERIFIED = UserVerificationRequirement.REQUIRED
"""The device checks who holds it, by PIN or finger: two factors in one."""


class Site(NamedTuple):
    """Where the browser is: a passkey of one site is none of another."""

    origin: str
    """`https://hub.example.org`"""
    host: str
    """`hub.example.org`"""


class Passkeys:
    """Passkeys in the store: their public halves only.

    What was asked is not kept but given away encrypted, as a ticket. A key takes no ticket that is not
    younger than the one it took last, so none counts twice.

    Args:
        database: Where they are.
        cipher: Makes and reads the tickets.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self, database: Database, cipher: MultiFernet, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._now = now

    async def offer(self, user_id: str, name: str, site: Site) -> PasskeyOptions:
        """Return options for making a key. Raises `InvalidRequest` at an address, `Conflict` for too many."""
        _refuse_addresses(site)
        known = await self.find_all(user_id)
        if len(known) >= MOST_PASSKEYS:
            raise Conflict(f"There are {MOST_PASSKEYS} passkeys already; remove some that are not used.")
        challenge = secrets.token_bytes(32)
        options = webauthn.generate_registration_options(
            rp_id=site.host,
            rp_name="Batwa",
            user_id=user_id.encode(),
            user_name=name,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=webauthn.base64url_to_bytes(key.id)) for key in known
            ],
        )
        return self._asked(challenge, user_id, webauthn.options_to_json(options))

    async def add(self, user_id: str, given: NewPasskey, site: Site) -> Passkey:
        """Keep a key that the browser has made. Raises `NotAuthenticated`, `Conflict` if it is known."""
        challenge, _ = self._challenge(given.ticket, user_id)
        with _refusing():
            made = webauthn.verify_registration_response(
                credential=given.credential,
                expected_challenge=challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        row = {
            "id": str(given.credential["id"]),
            "user_id": user_id,
            "name": given.name,
            "public_key": made.credential_public_key,
            "sign_count": made.sign_count,
            "host": site.host,
            "last_ticket_ms": 0,
            "created_at": self._now(),
        }
        async with self._database.writing() as connection:
            if await connection.scalar(sa.select(passkeys.c.id).where(passkeys.c.id == row["id"])):
                raise Conflict("This passkey is known already.")
            await connection.execute(sa.insert(passkeys).values(row))
        log.info("passkey.added", user_id=user_id, name=given.name)
        return Passkey.model_validate(row)

    async def find_all(self, user_id: str) -> tuple[Passkey, ...]:
        """Return an account's keys, oldest first."""
        query = sa.select(passkeys).where(passkeys.c.user_id == user_id).order_by(passkeys.c.created_at)
        async with self._database.reading() as connection:
            rows = await connection.execute(query)
            return tuple(Passkey.model_validate(row, from_attributes=True) for row in rows)

    async def remove(self, user_id: str, key_id: str) -> None:
        """Forget a key of an account. Raises `NotFound`."""
        mine = (passkeys.c.user_id == user_id) & (passkeys.c.id == key_id)
        async with self._database.writing() as connection:
            gone = await connection.execute(sa.delete(passkeys).where(mine))
        if not gone.rowcount:
            raise NotFound("There is no such passkey; GET /api/auth/passkeys lists yours.")
        log.info("passkey.removed", user_id=user_id)

    async def reset(self, user_id: str) -> None:
        """Forget all keys of an account: an administrator's help for a lost device."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(passkeys).where(passkeys.c.user_id == user_id))

    def ask(self, site: Site) -> PasskeyOptions:
        """Return options for logging in with any key of this site. Raises `InvalidRequest` at an address."""
        _refuse_addresses(site)
        challenge = secrets.token_bytes(32)
        options = webauthn.generate_authentication_options(
            rp_id=site.host, challenge=challenge, user_verification=_VERIFIED
        )
        return self._asked(challenge, "", webauthn.options_to_json(options))

    async def authenticate(self, given: PasskeyLogin, site: Site) -> Authenticated:
        """Return whose key has answered. Raises `NotAuthenticated`, `Forbidden` if they are disabled."""
        challenge, asked_at_ms = self._challenge(given.ticket, "")
        mine = (passkeys.c.id == str(given.credential.get("id"))) & (passkeys.c.host == site.host)
        owned = sa.select(passkeys, users.c.name.label("owner"), users.c.role, users.c.disabled).join(
            users, users.c.id == passkeys.c.user_id
        )
        async with self._database.writing() as connection:
            row = (await connection.execute(owned.where(mine))).one_or_none()
            if row is None or asked_at_ms <= row.last_ticket_ms:
                raise _refusal()
            with _refusing():
                proved = webauthn.verify_authentication_response(
                    credential=given.credential,
                    expected_challenge=challenge,
                    expected_rp_id=site.host,
                    expected_origin=site.origin,
                    credential_public_key=row.public_key,
                    credential_current_sign_count=row.sign_count,
                    require_user_verification=True,
                )
            used = {"sign_count": proved.new_sign_count, "last_ticket_ms": asked_at_ms}
            now = self._now()
            await connection.execute(sa.update(passkeys).where(mine).values(**used, last_used_at=now))
        if row.disabled:
            raise Forbidden("This account is disabled; ask an administrator to enable it.")
        return Authenticated(row.user_id, row.owner, row.role)

    def _asked(self, challenge: bytes, user_id: str, options: str) -> PasskeyOptions:
        at_ms = int(self._now().timestamp() * 1000)
        ticket = json.dumps({"challenge": challenge.hex(), "user_id": user_id, "at_ms": at_ms})
        return PasskeyOptions(
            ticket=self._cipher.encrypt(ticket.encode()).decode(), options=json.loads(options)
        )

    def _challenge(self, ticket: str, user_id: str) -> tuple[bytes, int]:
        """Return what that user was asked with and when, in ms. Raises `NotAuthenticated`."""
        try:
            asked: Mapping[str, Any] = json.loads(self._cipher.decrypt(ticket.encode()))
            challenge, age_ms = bytes.fromhex(asked["challenge"]), self._now().timestamp() * 1000
        except (InvalidToken, ValueError, KeyError, TypeError):
            raise _refusal() from None
        if asked["user_id"] != user_id or age_ms - asked["at_ms"] > TICKET_S * 1000:
            raise _refusal()
        return challenge, asked["at_ms"]


def _refusal() -> NotAuthenticated:
    return NotAuthenticated("The passkey was not accepted; begin again, or log in with your password.")


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn whatever is wrong with what a browser sent into one refusal."""
    try:
        yield
    except (WebAuthnException, ValueError, KeyError, TypeError) as err:
        log.warning("passkey.refused", reason=type(err).__name__)
        raise _refusal() from err


def _refuse_addresses(site: Site) -> None:
    try:
        ipaddress.ip_address(site.host)
    except ValueError:
        return
    raise InvalidRequest(f"Browsers have no passkeys for addresses; open the hub by a name, not {site.host}.")
