"""Commands in VMs: in one, in many, and streamed."""

from contextlib import suppress
from functools import partial

from aiohttp import web

from batwa_common.errors import InvalidRequest
from batwa_common.web.body import parse, read, read_query, respond, understood
from batwa_common.web.routes import CALLER, Access, Route
from batwa_common.wire.exec import Exec, ExecMany, ExecManyResult, ExecQuery, ExecResult, Run
from batwa_hub.hub import HUB

from .access import ends, fleet_of, may_see
from .audited import opened
from .terminals import require_upgrade, switched

BODY_BYTES = 8 << 20
"""A command and its input, whose every character may take six bytes in JSON."""


async def run_one(request: web.Request) -> web.Response:
    """POST /api/vm/{name}/exec"""
    asked = await read(request, Exec, limit_bytes=BODY_BYTES)
    name, terminals = request.match_info["name"], request.app[HUB].terminals
    return respond(await terminals.run(fleet_of(request), name, asked))


async def run_many(request: web.Request) -> web.Response:
    """POST /api/exec"""
    asked = await read(request, ExecMany, limit_bytes=BODY_BYTES)
    return respond(await request.app[HUB].terminals.run_many(fleet_of(request), asked))


async def stream(request: web.Request) -> web.Response:
    """GET /ws/exec (WebSocket)"""
    hub, query = request.app[HUB], read_query(request, ExecQuery)
    require_upgrade(request)
    agent_id, vm = fleet_of(request).locate(query.vm_name, query.agent_id or None)
    hub.registry.require_online(agent_id)
    asked = {"vm_name": vm.name, "viewer": request[CALLER].name}
    await hub.relays.run(
        request,
        hub.directory.http(agent_id),
        "/ws/exec",
        asked,
        valid=lambda callback: ends(request, callback),
        allowed=may_see(request, agent_id),
        first=partial(_note, request),
    )
    return switched()


async def _note(request: web.Request, message: str) -> None:
    """Record what is to be run before the agent hears of it; what is no order it refuses by itself."""
    with suppress(InvalidRequest):
        understood(request, parse(message, Run))
        await opened(request, None)


ROUTES = [
    Route("POST", "/api/vm/{name}/exec", run_one, Access.TERMINAL, takes=Exec, gives=ExecResult),
    Route("POST", "/api/exec", run_many, Access.TERMINAL, takes=ExecMany, gives=ExecManyResult),
    Route("GET", "/ws/exec", stream, Access.TERMINAL, query=ExecQuery, status=101),
]
