"""Terminals over HTTP, and `/ws`."""

import secrets
from typing import Annotated

from aiohttp import web
from pydantic import Field

from batwa_agent.agent import AGENT
from batwa_common.errors import InvalidRequest, NotFound
from batwa_common.web.body import read, read_query, respond, respond_all
from batwa_common.web.routes import CALLER, Access, Listing, Route
from batwa_common.wire.base import Wire, utc_now
from batwa_common.wire.terminal import (
    SUBPROTOCOL,
    AttachmentName,
    Cols,
    Linger,
    OpenTerminal,
    Rows,
    TerminalMode,
    TerminalViewer,
)
from batwa_common.wire.terminal import Terminal as WireTerminal

from .batwa_v1 import FullSocket
from .plain import PlainSocket
from .socket import TerminalSocket, Wanted
from .terminal import Terminal
from .viewer import IDLE, REMOVED, STOPPING, Size

ROWS, COLS = 24, 80
_ENDINGS = {str(int(ending.code)): ending for ending in (REMOVED, IDLE, STOPPING)}
"""What the hub may close a viewer with."""


class WsQuery(Wire):
    """Query of `GET /ws`; the last three are the hub's to say."""

    vm_name: str = ""
    """Open a terminal in this VM."""
    terminal_id: str | None = None
    """Attach to this one instead."""
    offset: Annotated[int, Field(ge=0)] | None = None
    """Show what came from this byte on; left out, the screen as it is."""
    rows: Rows | None = None
    """The viewer's height."""
    cols: Cols | None = None
    """The viewer's width."""
    linger_s: Linger | None = None
    """For a new terminal: seconds that it lives on with nobody attached."""
    attachment: AttachmentName | None = None
    """The viewer's earlier connection of that name is closed."""
    mode: TerminalMode = "owner"
    """What the viewer may."""
    viewer: str = ""
    """Who the viewer is."""
    viewer_key: str = ""
    """By which the viewer can be closed."""


def _described(request: web.Request, terminal: Terminal) -> WireTerminal:
    agent = request.app[AGENT]
    return terminal.describe(agent_id=agent.agent_id, hostname=agent.hostname)


async def open_terminal(request: web.Request) -> web.Response:
    """POST /api/terminals"""
    agent, order = request.app[AGENT], await read(request, OpenTerminal)
    terminal = await agent.terminals.open(agent.machine.vm(order.vm_name), order, by=request[CALLER].name)
    return respond(_described(request, terminal), status=201)


async def list_terminals(request: web.Request) -> web.Response:
    """GET /api/terminals"""
    return respond_all([_described(request, terminal) for terminal in request.app[AGENT].terminals.all()])


async def get_terminal(request: web.Request) -> web.Response:
    """GET /api/terminals/{id}"""
    return respond(_described(request, request.app[AGENT].terminals.get(request.match_info["id"])))


async def end_terminal(request: web.Request) -> web.Response:
    """DELETE /api/terminals/{id}"""
    terminals = request.app[AGENT].terminals
    terminal = terminals.get(request.match_info["id"])
    await terminals.end(terminal)
    return respond(_described(request, terminal))


async def remove_viewers(request: web.Request) -> web.Response:
    """DELETE /api/terminals/{id}/viewers/{viewer_key}"""
    terminals, key = request.app[AGENT].terminals, request.match_info["viewer_key"]
    if not terminals.remove_viewers(terminals.get(request.match_info["id"]), key):
        raise NotFound("That terminal has no viewer of that key.")
    return web.Response(status=204)


async def close_viewers(request: web.Request) -> web.Response:
    """DELETE /api/viewers/{viewer_key}: the hub knows a viewer's key before it knows its terminal's id."""
    ending = _ENDINGS.get(request.query.get("code", ""), REMOVED)
    request.app[AGENT].terminals.close_viewers(request.match_info["viewer_key"], ending)
    return web.Response(status=204)


async def show_terminal(request: web.Request) -> web.StreamResponse:
    """GET /ws?vm_name= | ?terminal_id= (WebSocket)"""
    handshake = web.WebSocketResponse(protocols=(SUBPROTOCOL,)).can_prepare(request)
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise InvalidRequest("This is a WebSocket; ask for an upgrade.")
    shape = PlainSocket if handshake.protocol is None else FullSocket
    query = read_query(request, WsQuery)
    terminals = request.app[AGENT].terminals
    if query.terminal_id is not None:
        terminal = terminals.get(query.terminal_id)
        wanted = Wanted(query.offset, is_replay=not terminal.is_unseen)
    else:
        terminal, wanted = await _opened(request, query, shape), Wanted(0, is_replay=False)
    socket = _socket(request, terminal, query, shape)
    terminals.comes(terminal)
    try:
        return await socket.show_terminal(request, wanted)
    finally:
        await terminals.left(terminal, on_purpose=socket.left_on_purpose)


async def _opened(request: web.Request, query: WsQuery, shape: type[TerminalSocket]) -> Terminal:
    agent = request.app[AGENT]
    vm = agent.machine.vm(query.vm_name)
    order = OpenTerminal(
        vm_name=vm.name, rows=query.rows or ROWS, cols=query.cols or COLS, linger_s=query.linger_s
    )
    by = query.viewer or request[CALLER].name
    return await agent.terminals.open(vm, order, by=by, ends_with_viewer=shape is PlainSocket)


def _socket(
    request: web.Request, terminal: Terminal, query: WsQuery, shape: type[TerminalSocket]
) -> TerminalSocket:
    name = query.viewer or request[CALLER].name
    about = TerminalViewer(id=secrets.token_hex(4), name=name, mode=query.mode, attached_at=utc_now())
    size = None
    if query.rows is not None or query.cols is not None or query.terminal_id is None:
        size = Size(query.rows or ROWS, query.cols or COLS)
    is_opener = query.terminal_id is None
    return shape(
        terminal,
        about,
        key=query.viewer_key,
        attachment=query.attachment,
        size=size,
        is_opener=is_opener,
    )


ROUTES = [
    Route(
        "POST", "/api/terminals", open_terminal, Access.OPERATOR, OpenTerminal, gives=WireTerminal, status=201
    ),
    Route("GET", "/api/terminals", list_terminals, Access.VIEWER, gives=Listing(WireTerminal)),
    Route("GET", "/api/terminals/{id}", get_terminal, Access.VIEWER, gives=WireTerminal),
    Route("DELETE", "/api/terminals/{id}", end_terminal, Access.OPERATOR, gives=WireTerminal),
    Route("DELETE", "/api/terminals/{id}/viewers/{viewer_key}", remove_viewers, Access.OPERATOR, status=204),
    Route("DELETE", "/api/viewers/{viewer_key}", close_viewers, Access.OPERATOR, status=204),
    Route("GET", "/ws", show_terminal, Access.OPERATOR, query=WsQuery, status=101),
]
