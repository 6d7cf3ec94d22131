"""Terminals: as objects, and /ws, which relays them from their agents."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import Field

from batwa_common.errors import Forbidden, InvalidRequest
from batwa_common.web.body import read, read_query, respond
from batwa_common.web.routes import CALLER, Access, Route
from batwa_common.wire.base import Wire
from batwa_common.wire.terminal import (
    AttachmentName,
    Cols,
    Linger,
    OpenTerminal,
    Rows,
    Terminal,
    TerminalList,
    TerminalMode,
)
from batwa_hub.hub import HUB
from batwa_hub.services.peering.places import HubPlace

from .access import address_of, ends, fleet_of, may_see, require
from .audited import PROVED, Actor, opened
from .signed import answering

_AGENTS = {"offset", "rows", "cols", "linger_s", "attachment"}
"""What of a query is the agent's business."""


class WsQuery(Wire):
    """Query of `GET /ws`; one of the first three says which terminal."""

    vm_name: str | None = None
    """Open one in this VM, by name or id."""
    terminal_id: str | None = None
    """Attach to this one."""
    share: str | None = Field(default=None, repr=False)
    """Attach to the one that this link's secret opens; needs no login."""
    agent_id: str | None = None
    """With `vm_name`: the agent that has it."""
    peer_id: str | None = None
    """With `vm_name`: the peer that has it."""
    offset: Annotated[int, Field(ge=0)] | None = None
    """Show what came from this byte on; left out, the screen as it is."""
    rows: Rows | None = None
    """The viewer's height."""
    cols: Cols | None = None
    """The viewer's width."""
    linger_s: Linger | None = None
    """With `vm_name`: seconds that it lives on with nobody attached."""
    attachment: AttachmentName | None = None
    """The caller's earlier connection of that name to that terminal is closed."""
    session_id: str | None = Field(default=None, repr=False)
    """The session, where no cookie can be sent."""

    def passed_on(self) -> dict[str, str]:
        """Return what is the agent's business."""
        ours = self.model_dump(include=_AGENTS, exclude_none=True)
        return {name: str(value) for name, value in ours.items()}


async def open_terminal(request: web.Request) -> web.Response:
    """POST /api/terminals"""
    order = await read(request, OpenTerminal)
    opened = await request.app[HUB].terminals.open(fleet_of(request), order, by=request[CALLER].name)
    return respond(opened, status=201, headers={"Location": f"/api/terminals/{opened.id}"})


async def list_terminals(request: web.Request) -> web.Response:
    """GET /api/terminals"""
    return respond(await request.app[HUB].terminals.find(fleet_of(request)))


async def get_terminal(request: web.Request) -> web.Response:
    """GET /api/terminals/{id}"""
    return respond(await request.app[HUB].terminals.get(fleet_of(request), request.match_info["id"]))


async def end_terminal(request: web.Request) -> web.Response:
    """DELETE /api/terminals/{id}"""
    hub, terminal_id = request.app[HUB], request.match_info["id"]
    ended = await hub.terminals.end(fleet_of(request), terminal_id)
    await hub.shares.end_of(terminal_id)
    return respond(ended)


async def show_terminal(request: web.Request) -> web.Response:
    """GET /ws (WebSocket): whoever may look may attach; to open one needs the permission"""
    query = read_query(request, WsQuery)
    if query.share is not None:
        return await _by_share(request, query, query.share)
    if query.terminal_id is not None:
        return await _attach(request, query, query.terminal_id)
    require_upgrade(request)
    caller = request[CALLER]
    require(caller, Access.TERMINAL)  # not the guard again: it has taken a peer's signature already
    if not query.vm_name:
        raise InvalidRequest("vm_name is missing; say which VM's terminal to open")
    if query.peer_id:
        return await _at_peer(request, query.peer_id, {"vm_name": query.vm_name} | query.passed_on())
    agent_id, vm = fleet_of(request).locate(query.vm_name, query.agent_id or None)
    request.app[HUB].registry.opened_terminal(agent_id)
    asked = {"vm_name": vm.name, "mode": "owner", "viewer": caller.name}
    return await _show(request, agent_id, asked | query.passed_on())


async def _attach(request: web.Request, query: WsQuery, terminal_id: str) -> web.Response:
    terminals, fleet, caller = request.app[HUB].terminals, fleet_of(request), request[CALLER]
    terminal = await terminals.get(fleet, terminal_id)
    mode: TerminalMode = "owner" if terminal.created_by == caller.name else "writer"
    if not caller.terminals:
        mode = "reader"
    asked = {"terminal_id": terminal_id, "mode": mode, "viewer": caller.name}
    require_upgrade(request)  # last: a browser learns by a plain GET why its WebSocket was refused
    where = terminals.where(fleet, terminal_id, kind="terminal")
    return await _show(request, where, asked | query.passed_on())


async def _by_share(request: web.Request, query: WsQuery, secret: str) -> web.Response:
    hub = request.app[HUB]
    share = await hub.shares.authenticate(secret, address=address_of(request))
    request[PROVED] = Actor(f"link {share.id}", "link")
    fleet = hub.fleet.seen_by(await hub.shares.scope_of(share))
    await hub.terminals.get(fleet, share.terminal_id)
    require_upgrade(request)  # last, as in `_attach`
    where = hub.terminals.where(fleet, share.terminal_id, kind="terminal")
    asked = {
        "terminal_id": share.terminal_id,
        "mode": "writer" if share.mode == "write" else "reader",
        "viewer": f"link {share.id}",
    }
    hub.registry.require_online(where)
    await hub.relays.run(
        request,
        hub.directory.http(where),
        "/ws",
        asked | query.passed_on(),
        valid=lambda callback: hub.shares.ends(share.id, callback),
        allowed=partial(fleet.sees, where),
        opened=partial(opened, request),
        shells=hub.directory.shells(where),
    )
    return switched()


async def _show(request: web.Request, agent_id: str, asked: Mapping[str, str]) -> web.Response:
    hub = request.app[HUB]
    hub.registry.require_online(agent_id)
    await hub.relays.run(
        request,
        hub.directory.http(agent_id),
        "/ws",
        asked,
        valid=lambda callback: ends(request, callback),
        allowed=may_see(request, agent_id),
        opened=partial(opened, request),
        shells=hub.directory.shells(agent_id),
        answering=answering(request, HTTPStatus.SWITCHING_PROTOCOLS, b""),
    )
    return switched()


async def _at_peer(request: web.Request, peer: str, asked: dict[str, str]) -> web.Response:
    hub, caller = request.app[HUB], request[CALLER]
    if caller.kind == "peer":
        raise Forbidden("a hub is shown the VMs of this hub, not those of hubs that trust this one")
    place = hub.places.find(peer, caller.scope)
    if not isinstance(place, HubPlace):
        where, vm = place.fleet.locate(asked["vm_name"], place.id)
        return await _show(request, where, asked | {"vm_name": vm.name, "viewer": caller.name})
    hub.p2p.require_running()
    far = hub.hubs.http(place.row, on_behalf_of=caller.name)

    @contextmanager
    def valid(callback: Callable[[], None]) -> Iterator[None]:
        with ends(request, callback), hub.peers.ends(place.id, callback):
            yield

    await hub.relays.run(request, far, "/ws", asked, valid=valid, opened=partial(opened, request))
    return switched()


def require_upgrade(request: web.Request) -> None:
    """Raise `InvalidRequest` if *request* is no WebSocket."""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise InvalidRequest(f"{request.path} is a WebSocket; connect with a WebSocket client")


def switched() -> web.Response:
    """Return what a relayed handler answers: it goes nowhere, the connection is not the server's any more."""
    return web.Response(status=HTTPStatus.SWITCHING_PROTOCOLS)


ROUTES = [
    Route(
        "POST",
        "/api/terminals",
        open_terminal,
        Access.TERMINAL,
        takes=OpenTerminal,
        gives=Terminal,
        status=201,
    ),
    Route("GET", "/api/terminals", list_terminals, Access.VIEWER, gives=TerminalList),
    Route("GET", "/api/terminals/{id}", get_terminal, Access.VIEWER, gives=Terminal),
    Route("DELETE", "/api/terminals/{id}", end_terminal, Access.TERMINAL, gives=Terminal),
    Route("GET", "/ws", show_terminal, Access.LINK, query=WsQuery, status=101),
]
