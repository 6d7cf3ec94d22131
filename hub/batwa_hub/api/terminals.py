"""/ws: a terminal in a VM, relayed to its agent."""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from batwa_common.errors import Forbidden, InvalidRequest
from batwa_common.web.routes import CALLER, Access, Route
from batwa_hub.hub import HUB
from batwa_hub.services.places import HubPlace
from batwa_hub.transport.far import Far
from batwa_hub.transport.splice import Splice

from .access import ends, fleet_of
from .signed import answering

PASSED_ON = ("rows", "cols")
"""Query parameters that are the agent's business."""


async def open_terminal(request: web.Request) -> web.Response:
    """GET /ws"""
    hub, query = request.app[HUB], request.query
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise InvalidRequest("/ws is a WebSocket; connect with a WebSocket client")
    if not (name := query.get("vm_name")):
        raise InvalidRequest("vm_name is missing; say which VM's terminal to open")
    passed = {key: query[key] for key in PASSED_ON if key in query}
    if peer := query.get("peer_id"):
        return await _at_peer(request, peer, {"vm_name": name} | passed)
    agent_id, vm = fleet_of(request).locate(name, query.get("agent_id") or None)
    hub.registry.require_online(agent_id)
    asked = {"vm_name": vm.name} | passed
    splice = Splice()
    with ends(request, splice.abort):
        await splice.run(request, hub.directory.http(agent_id), "/ws", asked, answering=_proof(request))
    return web.Response(status=HTTPStatus.SWITCHING_PROTOCOLS)


async def _at_peer(request: web.Request, peer: str, asked: dict[str, str]) -> web.Response:
    hub, caller = request.app[HUB], request[CALLER]
    if caller.kind == "peer":
        raise Forbidden("a hub is shown the VMs of this hub, not those of hubs that trust this one")
    place = hub.places.find(peer, caller.scope)
    far: Far
    if isinstance(place, HubPlace):
        hub.p2p.require_running()
        far = hub.hubs.http(place.row, on_behalf_of=caller.name)
    else:
        _, vm = place.fleet.locate(asked["vm_name"], place.id)
        hub.registry.require_online(place.id)
        far, asked = hub.directory.http(place.id), asked | {"vm_name": vm.name}
    splice = Splice()
    with ends(request, splice.abort), hub.peers.ends(place.id, splice.abort):
        await splice.run(request, far, "/ws", asked)
    return web.Response(status=HTTPStatus.SWITCHING_PROTOCOLS)


def _proof(request: web.Request) -> Mapping[str, str]:
    return answering(request, HTTPStatus.SWITCHING_PROTOCOLS, b"")


ROUTES = [Route("GET", "/ws", open_terminal, Access.OPERATOR)]
