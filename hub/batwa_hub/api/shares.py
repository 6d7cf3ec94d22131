"""/api/terminals/{id}/shares: links for people without an account."""

from aiohttp import web

from batwa_common.web.body import read, respond, respond_all
from batwa_common.web.routes import CALLER, Access, Listing, Route
from batwa_common.wire.documented import Done
from batwa_common.wire.share import IssuedShare, NewShare, Share
from batwa_common.wire.terminal import Terminal
from batwa_hub.hub import HUB

from .access import fleet_of, token_of


async def issue(request: web.Request) -> web.Response:
    """POST /api/terminals/{id}/shares"""
    asked, terminal = await read(request, NewShare), await _terminal(request)
    page = str(request.url.origin().with_path("/terminal"))
    caller = request[CALLER]
    owner_id = token_of(request) or caller.user_id or caller.key  # of another hub, its id
    share = await request.app[HUB].shares.issue(
        terminal.id, asked, by=caller.name, owner_id=owner_id, page=page
    )
    return respond(share, status=201)


async def list_shares(request: web.Request) -> web.Response:
    """GET /api/terminals/{id}/shares"""
    terminal = await _terminal(request)
    shares = await request.app[HUB].shares.find(terminal.id)
    return respond_all([_watched(share, terminal) for share in shares])


async def revoke(request: web.Request) -> web.Response:
    """DELETE /api/terminals/{id}/shares/{share_id}"""
    hub, share_id = request.app[HUB], request.match_info["share_id"]
    terminal_id = request.match_info["id"]
    hub.terminals.where(fleet_of(request), terminal_id, kind="terminal")
    await hub.shares.revoke(terminal_id, share_id)
    return respond(Done(message=f"Link '{share_id}' revoked"))


async def _terminal(request: web.Request) -> Terminal:
    return await request.app[HUB].terminals.get(fleet_of(request), request.match_info["id"])


def _watched(share: Share, terminal: Terminal) -> Share:
    name = f"link {share.id}"  # as `/ws?share=` names its viewers to the agent
    watching = tuple(viewer for viewer in terminal.viewers if viewer.name == name)
    return share.model_copy(update={"viewers": watching})


ROUTES = [
    Route(
        "POST",
        "/api/terminals/{id}/shares",
        issue,
        Access.TERMINAL,
        takes=NewShare,
        gives=IssuedShare,
        status=201,
    ),
    Route("GET", "/api/terminals/{id}/shares", list_shares, Access.TERMINAL, gives=Listing(Share)),
    Route("DELETE", "/api/terminals/{id}/shares/{share_id}", revoke, Access.TERMINAL, gives=Done),
]
