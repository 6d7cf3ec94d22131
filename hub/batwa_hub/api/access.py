"""Who may call what: sessions for people, keys for agents, and no other site's pages."""

import ipaddress
from urllib.parse import urlsplit

import aiohttp_session
from aiohttp import hdrs, web

from batwa_common.errors import Forbidden, NotAuthenticated
from batwa_common.web.routes import CALLER, Access, Caller
from batwa_common.wire.agent import AgentKey
from batwa_hub.hub import HUB
from batwa_hub.services.fleet import Fleet

from .sessions import LOGIN

_RANK = {"viewer": 1, "operator": 2, "admin": 3}
_NEEDED = {Access.VIEWER: 1, Access.OPERATOR: 2, Access.ADMIN: 3}
_READS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})


async def guard(request: web.Request, access: Access) -> Caller:
    """Return who calls. Raises `NotAuthenticated`, `Forbidden` or `InvalidApiKey`."""
    if access is Access.AGENT:
        key = await agent_key(request, agent_id=None)
        return Caller(f"agent {key.agent_id or key.name}", key.agent_id, role="agent", kind="agent")
    _refuse_other_sites(request)
    if access is Access.ANYONE:
        return Caller("")
    await aiohttp_session.get_session(request)
    if (login := request.get(LOGIN)) is None:
        raise NotAuthenticated("Not authenticated: log in with POST /api/auth/login first.")
    if _RANK[login.role] < _NEEDED[access]:
        raise Forbidden(f"This needs the role {access.value}; {login.username} is {login.role}.")
    return Caller(login.username, role=login.role, kind="user", user_id=login.user_id, key=login.key)


async def agent_key(request: web.Request, *, agent_id: str | None, given: str | None = None) -> AgentKey:
    """Return the key that the request carries in `X-API-Key`, else *given* (from its body).

    A key of no agent yet is bound to *agent_id* if there is one. Raises `NotAuthenticated` without a
    key, and `InvalidApiKey`.
    """
    if not (secret := request.headers.get("X-API-Key") or given):
        raise NotAuthenticated("There is no API key; send the agent's key in the header X-API-Key.")
    return await request.app[HUB].keys.authenticate(secret, agent_id)


def fleet_of(request: web.Request) -> Fleet:
    """Return the machines that the caller, whom the guard has let pass, may see."""
    return request.app[HUB].fleet.seen_by(request[CALLER].scope)


def session_of(request: web.Request) -> str:
    """Return the key of the session that the guard has let pass, for `Sessions.ends`."""
    return request[LOGIN].key


def address_of(request: web.Request) -> str:
    """Return where a request comes from, for counting guesses.

    A proxy on this machine is believed about whom it speaks for; nobody else is.
    """
    remote = request.remote or ""
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return forwarded if forwarded and _is_loopback(remote) else remote


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _refuse_other_sites(request: web.Request) -> None:
    """Refuse what a page of another site makes the user's browser send.

    Programs that are no browsers send neither header and pass: they act for nobody but themselves.
    """
    upgrades = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    if request.method in _READS and not upgrades:
        return
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        foreign = request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}
    else:
        foreign = urlsplit(origin).netloc.lower() != request.host.lower() and not _is_trusted(request, origin)
    if foreign:
        raise Forbidden(
            f"Refused: a page of {origin or 'another site'} asked for this. If it is yours, "
            "add its origin to trusted_origins in the hub's settings."
        )


def _is_trusted(request: web.Request, origin: str) -> bool:
    return origin in {each.rstrip("/") for each in request.app[HUB].settings.trusted_origins}
