"""Sign-on with an OpenID Connect provider: whose account it is that it vouches for, and what they may do."""

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
import structlog
from cryptography.fernet import InvalidToken, MultiFernet
from pydantic import TypeAdapter, ValidationError

from batwa_common.errors import Conflict, Forbidden, NotAuthenticated, NotFound
from batwa_common.wire.base import utc_now
from batwa_common.wire.user import RANK, ChangeUser, NewUser, Role, UserName
from batwa_hub.store.database import Database
from batwa_hub.store.tables import identities, users

from .accounts import Authenticated
from .users import Users

log = structlog.stdlib.get_logger(__name__)

ATTEMPT_S = 600
"""How long a person may take at the provider."""
_NAME: TypeAdapter[str] = TypeAdapter(UserName)


class Provider(Protocol):
    """Who vouches for people."""

    issuer: str

    async def address_to_ask_at(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where to send the browser."""
        ...

    async def claims(self, code: str, *, redirect_uri: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """Return what the provider says of who came back with *code*."""
        ...


class RoleRules(NamedTuple):
    """What somebody may do, by what the provider says of them."""

    claim: str
    roles: Mapping[str, Role]
    default: Role | None

    def role(self, claims: Mapping[str, Any]) -> Role | None:
        """Return the strongest role that is meant; None if they are not to be let in."""
        told = claims.get(self.claim)
        values = told if isinstance(told, list) else [told]
        meant = [self.roles[value] for value in values if isinstance(value, str) and value in self.roles]
        return max(meant, key=RANK.__getitem__, default=self.default)


class Begun(NamedTuple):
    """A browser on its way to the provider."""

    address: str
    sealed: str
    """For the browser to keep and to show when it comes back."""


class SignOn:
    """Accounts that another place vouches for. The hub's limits of an account hold for them as well.

    What a browser left with it keeps itself, encrypted: only the one that left can come back.

    Args:
        provider: Who vouches.
        database: Where it is kept whose account is whose.
        users: The accounts.
        cipher: Seals what the browser keeps.
        rules: What somebody may do; looked at at every sign-on.
        name_claim: The claim that names a new account.
        adopts: Whether it may be an account that exists already.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self,
        provider: Provider,
        database: Database,
        users: Users,
        cipher: MultiFernet,
        rules: RoleRules,
        *,
        name_claim: str,
        adopts: bool,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._provider = provider
        self._database = database
        self._users = users
        self._cipher = cipher
        self._rules = rules
        self._name_claim = name_claim
        self._adopts = adopts
        self._now = now

    async def begin(self, *, redirect_uri: str, then: str) -> Begun:
        """Send a browser away, which is to go on to *then*. Raises `SignOnUnavailable`."""
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        address = await self._provider.address_to_ask_at(redirect_uri=redirect_uri, **kept)
        return Begun(address, self._cipher.encrypt(json.dumps({**kept, "then": then}).encode()).decode())

    async def complete(
        self, code: str, state: str, sealed: str, *, redirect_uri: str
    ) -> tuple[Authenticated, str]:
        """Return who has come back, and where they go on to.

        Raises `NotAuthenticated`, `Forbidden`, `Conflict` and `SignOnUnavailable`.
        """
        kept = self._opened(sealed, state)
        claims = await self._provider.claims(
            code, redirect_uri=redirect_uri, nonce=kept["nonce"], verifier=kept["verifier"]
        )
        return await self._admit(claims), kept["then"]

    def aim(self, sealed: str) -> str:
        """Return where a browser was to go on to, whatever came of its sign-on; `/` if it began none."""
        return self._kept(sealed).get("then", "/")

    def _kept(self, sealed: str) -> dict[str, str]:
        try:
            kept: dict[str, str] = json.loads(self._cipher.decrypt(sealed.encode(), ttl=ATTEMPT_S))
        except (InvalidToken, ValueError):
            return {}
        return kept

    def _opened(self, sealed: str, state: str) -> dict[str, str]:
        kept = self._kept(sealed)
        if not hmac.compare_digest(kept.get("state", "").encode(), state.encode()) or not state:
            raise NotAuthenticated("This browser began no sign-on, or too long ago. Begin again.")
        return kept

    async def _admit(self, claims: Mapping[str, Any]) -> Authenticated:
        subject, role = str(claims["sub"]), self._rules.role(claims)
        if role is None:
            log.warning("sign_on.refused", subject=subject)
            raise Forbidden("You are known, but have no role here; ask an administrator for one.")
        user_id = await self._find(subject)
        if user_id is None:
            user_id = await self._link(subject, await self._account(self._name(claims), role))
        return await self._with_role(user_id, role)

    async def _find(self, subject: str) -> str | None:
        mine = (identities.c.issuer == self._provider.issuer) & (identities.c.subject == subject)
        async with self._database.reading() as connection:
            return await connection.scalar(sa.select(identities.c.user_id).where(mine))

    async def _link(self, subject: str, user_id: str) -> str:
        row = {
            "issuer": self._provider.issuer,
            "subject": subject,
            "user_id": user_id,
            "created_at": self._now(),
        }
        async with self._database.writing() as connection:
            await connection.execute(sa.insert(identities).values(row))
        return user_id

    async def _account(self, name: str, role: Role) -> str:
        """Return the account of that name, made if need be. Raises `Conflict` if it is not theirs to have."""
        try:
            found = await self._users.id_of(name)
        except NotFound:
            nobodys = secrets.token_urlsafe(32)  # an account without a password that anybody knows
            await self._users.add(NewUser(name=name, password=nobodys, role=role))
            return await self._users.id_of(name)
        async with self._database.reading() as connection:
            owned = await connection.scalar(
                sa.select(identities.c.subject).where(identities.c.user_id == found)
            )
        if owned is not None or not self._adopts:
            raise Conflict(
                f"There is an account '{name}' here already, which is not yours by this sign-on; ask an "
                "administrator to remove it, or to set oidc.adopt_accounts."
            )
        log.warning("sign_on.adopted", user=name)
        return found

    async def _with_role(self, user_id: str, role: Role) -> Authenticated:
        row = await self._row(user_id)
        if row.disabled:
            raise Forbidden("This account is disabled; ask an administrator to enable it.")
        if row.role != role:
            change = ChangeUser(role=role)
            if role == "admin":
                change = ChangeUser(role=role, agents=None, tags={})  # an admin is never limited
            try:
                changed = await self._users.change(row.name, change)
            except Conflict:
                log.warning("sign_on.last_admin_kept", user=row.name)
                return Authenticated(user_id, row.name, row.role)
            return Authenticated(user_id, changed.name, changed.role)
        return Authenticated(user_id, row.name, row.role)

    async def _row(self, user_id: str) -> sa.Row[Any]:
        async with self._database.reading() as connection:
            return (await connection.execute(sa.select(users).where(users.c.id == user_id))).one()

    def _name(self, claims: Mapping[str, Any]) -> str:
        try:
            return _NAME.validate_python(claims.get(self._name_claim))
        except ValidationError:
            raise Forbidden(
                f"The provider's '{self._name_claim}' is no name that an account can have here; "
                "ask an administrator to set oidc.name_claim to another."
            ) from None
