"""/api/agent/join: how a machine becomes an agent, and the tokens that let it."""

import asyncio
import re
from urllib.parse import urlsplit

from aiohttp import web

from batwa_common.web.body import read, respond, respond_all
from batwa_common.web.routes import CALLER, Access, Listing, Route
from batwa_common.wire.documented import Done
from batwa_common.wire.join import IssuedJoinToken, Join, Joined, JoinToken, NewJoinToken
from batwa_hub.hub import HUB, Hub
from batwa_hub.services.joining import HubAddress
from batwa_hub.tls import names

from .access import address_of
from .audited import PROVED, Actor
from .proxies import BY_PROXY

MOST_URLS = 4
"""Addresses of the hub in a token; each costs whoever joins a try."""
_LOOPBACK = re.compile(r"localhost|127\..*|::1")


async def issue(request: web.Request) -> web.Response:
    """POST /api/agent/join-tokens"""
    asked = await read(request, NewJoinToken)
    at = await _reached_at(request)
    return respond(await request.app[HUB].joining.issue(asked, by=request[CALLER].name, at=at))


async def list_tokens(request: web.Request) -> web.Response:
    """GET /api/agent/join-tokens"""
    return respond_all(await request.app[HUB].joining.find_all())


async def revoke(request: web.Request) -> web.Response:
    """DELETE /api/agent/join-tokens/{id}"""
    token_id = request.match_info["id"]
    await request.app[HUB].joining.revoke(token_id)
    return respond(Done(message=f"Join token '{token_id}' revoked"))


async def join(request: web.Request) -> web.Response:
    """POST /api/agent/join"""
    asked = await read(request, Join)
    joined = await request.app[HUB].joining.join(asked, address=address_of(request))
    request[PROVED] = Actor(f"agent {joined.agent_id}", "agent")
    return respond(joined)


async def _reached_at(request: web.Request) -> HubAddress:
    """Return where machines find this hub: as configured, else where the caller did and where it listens."""
    hub = request.app[HUB]
    by_proxy, pinned = request.get(BY_PROXY, False), hub.tls and hub.tls.fingerprint
    if hub.settings.public_urls:
        return HubAddress(hub.settings.public_urls[:MOST_URLS], pinned or None)
    found = [f"{request.scheme}://{request.host}"] if request.host else []
    if not by_proxy:  # else only the proxy is known to be reachable, and has a certificate of its own
        port = urlsplit(f"//{request.host}").port or hub.settings.port
        found += await asyncio.to_thread(names.urls, hub.settings.scheme, hub.settings.host, port)
    found = list(dict.fromkeys(found))
    outward = [each for each in found if not _LOOPBACK.fullmatch(urlsplit(each).hostname or "")]
    advice = None if outward else _advice(hub)
    return HubAddress((outward or found)[:MOST_URLS], None if by_proxy else pinned or None, advice)


def _advice(hub: Hub) -> str:
    listen = "give batwa-hub.socket another ListenStream" if hub.listens_where_told else "set `host`"
    return (
        f"Only its own machine reaches this hub. There {listen}, or set `public_urls` to where a proxy is;"
        " docs/install.md tells how."
    )


ROUTES = [
    Route("POST", "/api/agent/join-tokens", issue, Access.ADMIN, takes=NewJoinToken, gives=IssuedJoinToken),
    Route("GET", "/api/agent/join-tokens", list_tokens, Access.ADMIN, gives=Listing(JoinToken)),
    Route("DELETE", "/api/agent/join-tokens/{id}", revoke, Access.ADMIN, gives=Done),
    Route("POST", "/api/agent/join", join, Access.ANYONE, takes=Join, gives=Joined),
]
