"""/ws: a terminal in a VM, relayed to its agent."""

from http import HTTPStatus

from aiohttp import web

from batwa_common.errors import InvalidRequest
from batwa_common.web.routes import Access, Route
from batwa_hub.hub import HUB
from batwa_hub.transport.splice import Splice

from .access import ends, fleet_of

PASSED_ON = ("rows", "cols")
"""Query parameters that are the agent's business."""


async def open_terminal(request: web.Request) -> web.Response:
    """GET /ws"""
    hub, query = request.app[HUB], request.query
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise InvalidRequest("/ws is a WebSocket; connect with a WebSocket client")
    if not (name := query.get("vm_name")):
        raise InvalidRequest("vm_name is missing; say which VM's terminal to open")
    agent_id, vm = fleet_of(request).locate(name, query.get("agent_id") or None)
    hub.registry.require_online(agent_id)
    asked = {"vm_name": vm.name} | {key: query[key] for key in PASSED_ON if key in query}
    splice = Splice()
    with ends(request, splice.abort):
        await splice.run(request, hub.directory.http(agent_id), "/ws", asked)
    return web.Response(status=HTTPStatus.SWITCHING_PROTOCOLS)


ROUTES = [Route("GET", "/ws", open_terminal, Access.OPERATOR)]
