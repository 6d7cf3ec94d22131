"""/api/agent/link, /api/agent/dial: agents that dial the hub, to be called by it."""

from aiohttp import web

from batwa_common.errors import InvalidApiKey, InvalidRequest
from batwa_common.web.routes import CALLER, Access, Route
from batwa_common.wire.link import PROTOCOL
from batwa_hub.hub import HUB

from .access import ends
from .terminals import require_upgrade, switched


async def link(request: web.Request) -> web.StreamResponse:
    """GET /api/agent/link (WebSocket)"""
    require_upgrade(request)
    agent_id = _linking(request)
    with ends(request, lambda: _cut(request)):
        return await request.app[HUB].links.hold(agent_id, request)


async def dial(request: web.Request) -> web.Response:
    """GET /api/agent/dial/{token} (upgrade to `batwa-link`)"""
    if request.headers.get("Upgrade") != PROTOCOL:
        raise InvalidRequest(f"this takes an upgrade to {PROTOCOL}, as agents ask for it")
    await request.app[HUB].neighbours.dialled(request, _linking(request), request.match_info["token"])
    return switched()


async def probe(request: web.Request) -> web.WebSocketResponse:
    """GET /api/agent/probe (WebSocket): says one word, so that an agent knows that WebSockets get through"""
    require_upgrade(request)
    socket = web.WebSocketResponse(timeout=2.0)
    await socket.prepare(request)
    await socket.send_str("here")
    await socket.close()
    return socket


async def dial_through(request: web.Request) -> web.Response:
    """GET /api/process/dial/{agent_id} (upgrade to `batwa-link`): another process, for an agent of ours"""
    if request.headers.get("Upgrade") != PROTOCOL:
        raise InvalidRequest(f"this takes an upgrade to {PROTOCOL}, as the hub's other processes ask for it")
    await request.app[HUB].neighbours.carry(request, request.match_info["agent_id"])
    return switched()


def _linking(request: web.Request) -> str:
    if (agent_id := request[CALLER].agent_id) is None:
        raise InvalidApiKey("this API key belongs to no agent yet: register with it first")
    return agent_id


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


ROUTES = [
    Route("GET", "/api/agent/probe", probe, Access.AGENT, status=101),
    Route("GET", "/api/agent/link", link, Access.AGENT, status=101),
    Route("GET", "/api/agent/dial/{token}", dial, Access.AGENT, status=101),
    Route("GET", "/api/process/dial/{agent_id}", dial_through, Access.PROCESS, status=101),
]
