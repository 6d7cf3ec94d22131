"""Commands in VMs over HTTP: one that is waited for, and one that streams."""

from aiohttp import web

from batwa_agent.agent import AGENT
from batwa_common.errors import InvalidRequest
from batwa_common.web.body import read, respond
from batwa_common.web.routes import Access, Route
from batwa_common.wire.exec import Exec, ExecQuery, ExecResult
from batwa_common.wire.vm import Vm

from .socket import ExecSocket

BODY_BYTES = 8 << 20
"""A command and its input, whose every character may take six bytes in JSON."""


async def run_command(request: web.Request) -> web.Response:
    """POST /api/vm/{name}/exec"""
    asked = await read(request, Exec, limit_bytes=BODY_BYTES)
    vm = await _looked_at(request, request.match_info["name"])
    return respond(await request.app[AGENT].commands.run(vm, asked))


async def stream_command(request: web.Request) -> web.StreamResponse:
    """GET /ws/exec?vm_name= (WebSocket)"""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise InvalidRequest("This is a WebSocket; ask for an upgrade.")
    vm = await _looked_at(request, request.query.get("vm_name", ""))
    return await ExecSocket(request.app[AGENT].commands, vm).serve(request)


async def _looked_at(request: web.Request, name: str) -> Vm:
    """Return the VM as it is now: Multipass would start one that has just stopped."""
    agent = request.app[AGENT]
    if not await agent.watcher.look():
        agent.watcher.must_answer()
    return agent.machine.vm(name)


ROUTES = [
    Route(
        "POST",
        "/api/vm/{name}/exec",
        run_command,
        Access.OPERATOR,
        takes=Exec,
        gives=ExecResult,
    ),
    Route("GET", "/ws/exec", stream_command, Access.OPERATOR, query=ExecQuery, status=101),
]
