"""Who may call what: sessions for people, tokens for scripts, keys for agents, and no other site's pages."""

import base64
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple

import aiohttp_session
from aiohttp import hdrs, web

from batwa_common.errors import Forbidden, NotAuthenticated
from batwa_common.web.metrics import scraper
from batwa_common.web.routes import CALLER, Access, Caller
from batwa_common.wire.agent import AgentKey
from batwa_common.wire.user import RANK
from batwa_hub.hub import HUB
from batwa_hub.services.fleet import Fleet
from batwa_hub.services.living import OnEnd
from batwa_hub.services.rights import Rights
from batwa_hub.services.sessions import Login
from batwa_hub.services.tokens import PREFIX, Grant
from batwa_hub.transport.neighbours import PROCESS_HEADER

from .sessions import LOGIN
from .signed import is_signed, peer_calling

GRANT = web.RequestKey("grant", Grant)
"""Set once a request's token has been found."""

_RANK: dict[str, int] = {str(role): rank for role, rank in RANK.items()}
_NEEDED = {
    Access.PEER: RANK["viewer"],
    Access.VIEWER: RANK["viewer"],
    Access.OPERATOR: RANK["operator"],
    Access.ADMIN: RANK["admin"],
}
_READS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})


class Account(NamedTuple):
    """The account behind a request."""

    name: str
    user_id: str
    rights: Rights
    """What the caller may do, which with a token may be less than the account may."""
    session: str | None
    """Key of the session; None when the caller came with a token."""


async def guard(request: web.Request, access: Access) -> Caller:
    """Return who calls. Raises `NotAuthenticated`, `Forbidden` or `InvalidApiKey`."""
    if access is Access.AGENT:
        key = await agent_key(request, agent_id=None)
        name = f"agent {key.agent_id or key.name}"
        return Caller(name, key.agent_id, role="agent", kind="agent", key=key.id)
    if access is Access.METRICS:
        token = request.app[HUB].settings.metrics.token
        return scraper(request, token.get_secret_value() if token else None)
    if access is Access.PROCESS:
        proof, agent_id = request.headers.get(PROCESS_HEADER, ""), request.match_info["agent_id"]
        request.app[HUB].neighbours.admit(proof, agent_id)
        return Caller("process")
    if access is Access.LINK and "share" not in request.query:
        access = Access.VIEWER
    if access in {Access.ANYONE, Access.LINK}:
        _refuse_other_sites(request)
        return Caller("")
    if (caller := await find_caller(request)) is None:
        raise NotAuthenticated("Not authenticated: log in with POST /api/auth/login, or send an API token.")
    if access is Access.PEER and caller.kind != "peer":
        raise Forbidden("This is for other hubs, with a signed request.")
    require(caller, access)
    return caller


def require(caller: Caller, access: Access) -> None:
    """Return if *caller*, whom the guard has let pass, may do what *access* asks. Raises `Forbidden`."""
    if access is Access.TERMINAL:
        if not caller.terminals:
            raise Forbidden(f"This needs the permission {access.value}, which {caller.name} does not have.")
    elif _RANK.get(caller.role, 0) < _NEEDED[access]:
        raise Forbidden(f"This needs the role {access.value}; {caller.name} is {caller.role}.")


async def find_caller(request: web.Request) -> Caller | None:
    """Return who calls, by token or else by session; None for a stranger.

    A bearer token is something no other site's page can make a browser send; cookies and HTTP Basic
    are. Raises `NotAuthenticated` for a token that is none, and `Forbidden`.
    """
    if is_signed(request):
        return await peer_calling(request)
    scheme, secret = _credentials(request)
    if scheme != "bearer":
        _refuse_other_sites(request)
    if secret is not None:
        return await _by_token(request, secret)
    await aiohttp_session.get_session(request)
    if (login := request.get(LOGIN)) is None:
        return None
    return _caller(login.username, login.rights, kind="user", user_id=login.user_id, key=login.key)


async def _by_token(request: web.Request, secret: str) -> Caller:
    grant = await request.app[HUB].tokens.authenticate(secret, address=address_of(request))
    request[GRANT] = grant
    return _caller(
        f"{grant.owner}/{grant.name}", grant.rights, kind="token", user_id=grant.user_id, key=grant.key
    )


def _caller(name: str, rights: Rights, *, kind: Literal["user", "token"], user_id: str, key: str) -> Caller:
    return Caller(
        name,
        role=rights.role,
        terminals=rights.terminals,
        scope=rights.scope,
        kind=kind,
        user_id=user_id,
        key=key,
    )


def _credentials(request: web.Request) -> tuple[str, str | None]:
    """Return the scheme of the header `Authorization`, and the token in it if there is one.

    A Basic password that does not look like one of our tokens is not for us: a proxy may want it.
    """
    scheme, _, value = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    scheme, value = scheme.lower(), value.strip()
    if scheme == "bearer":
        return scheme, value
    if scheme == "basic":
        try:
            password = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except ValueError:  # no base64, or no text in it
            return scheme, None
        return scheme, password if password.startswith(PREFIX) else None
    return scheme, None


async def agent_key(request: web.Request, *, agent_id: str | None, given: str | None = None) -> AgentKey:
    """Return the key that the request carries in `X-API-Key`, else *given* (from its body).

    A key of no agent yet is bound to *agent_id* if there is one. Raises `NotAuthenticated` without a
    key, and `InvalidApiKey`.
    """
    if not (secret := request.headers.get("X-API-Key") or given):
        raise NotAuthenticated("There is no API key; send the agent's key in the header X-API-Key.")
    return await request.app[HUB].keys.authenticate(secret, agent_id)


def account_of(request: web.Request) -> Account:
    """Return the account behind a request that has a caller. Raises `Forbidden` if there is none."""
    if (grant := request.get(GRANT)) is not None:
        return Account(grant.owner, grant.user_id, grant.rights, None)
    if (login := request.get(LOGIN)) is not None:
        return Account(login.username, login.user_id, login.rights, login.key)
    raise Forbidden("This is for people and their tokens.")


def login_of(request: web.Request) -> Login:
    """Return the login of a request that has a caller. Raises `Forbidden` if that came with a token."""
    if LOGIN not in request or GRANT in request:
        raise Forbidden("A token cannot do this; log in with POST /api/auth/login.")
    return request[LOGIN]


def token_of(request: web.Request) -> str | None:
    """Return the id of the token that the request came with; None if it came with none."""
    grant = request.get(GRANT)
    return grant.token_id if grant else None


def fleet_of(request: web.Request) -> Fleet:
    """Return the machines that the caller, whom the guard has let pass, may see."""
    return request.app[HUB].fleet.seen_by(request[CALLER].scope)


def ends(request: web.Request, callback: OnEnd) -> AbstractContextManager[None]:
    """While the block runs, have *callback* called once when what the caller came with is valid no more."""
    hub, caller = request.app[HUB], request[CALLER]
    match caller.kind:
        case "token":
            return hub.tokens.ends(caller.key, callback)
        case "agent":
            return hub.keys.ends(caller.key, callback)
        case "peer":
            return hub.peers.ends(caller.key, callback)
        case _:
            return hub.sessions.ends(caller.key, callback)


def may_see(request: web.Request, agent_id: str) -> Callable[[], bool]:
    """Return what tells whether the caller still may see that agent, without asking the store.

    It notices what comes between the look at the caller and `ends`, and what no login's end tells.
    """
    hub, caller, fleet = request.app[HUB], request[CALLER], fleet_of(request)

    def may() -> bool:
        if caller.kind == "peer":
            row = hub.peers.find_row(caller.key)
            if row is None or row.role != caller.role:
                return False
        return fleet.sees(agent_id)

    return may


def address_of(request: web.Request) -> str:
    """Return where a request comes from, for counting guesses."""
    return request.remote or ""


def _refuse_other_sites(request: web.Request) -> None:
    """Refuse what a page of another site makes the user's browser send.

    Programs that are no browsers send neither header and pass: they act for nobody but themselves.
    """
    upgrades = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    if request.method in _READS and not upgrades:
        return
    origin = request.headers.get(hdrs.ORIGIN)
    elsewhere = origin is not None and origin.lower().partition("://")[2] != request.host.lower()
    foreign = elsewhere or request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}
    foreign = foreign and not (origin is not None and _is_trusted(request, origin))
    if foreign:
        raise Forbidden(
            f"Refused: a page of {origin or 'another site'} asked for this. If it is yours, "
            "add its origin to trusted_origins in the hub's settings."
        )


def _is_trusted(request: web.Request, origin: str) -> bool:
    return origin in {each.rstrip("/") for each in request.app[HUB].settings.trusted_origins}
