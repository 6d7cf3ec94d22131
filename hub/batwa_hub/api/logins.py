"""/api/auth/sessions: one's own logins; /api/users/{name}/sessions: somebody's."""

from aiohttp import web

from batwa_common.web.body import respond, respond_all
from batwa_common.web.routes import Access, Listing, Route
from batwa_common.wire.documented import Done
from batwa_common.wire.session import Session
from batwa_hub.hub import HUB

from .access import login_of


async def list_own(request: web.Request) -> web.Response:
    """GET /api/auth/sessions"""
    login = login_of(request)
    return respond_all(await request.app[HUB].sessions.find_all(login.user_id, current=login.key))


async def end_one(request: web.Request) -> web.Response:
    """DELETE /api/auth/sessions/{id}"""
    login, session_id = login_of(request), request.match_info["id"]
    await request.app[HUB].sessions.end_one(session_id, user_id=login.user_id)
    return respond(Done(message=f"Session '{session_id}' ended"))


async def end_others(request: web.Request) -> web.Response:
    """DELETE /api/auth/sessions"""
    login = login_of(request)
    await request.app[HUB].sessions.end_of_user(login.user_id, keep=login.key)
    return respond(Done(message="Your other sessions have ended"))


async def list_anybodys(request: web.Request) -> web.Response:
    """GET /api/users/{name}/sessions"""
    hub = request.app[HUB]
    user_id = await hub.users.id_of(request.match_info["name"])
    return respond_all(await hub.sessions.find_all(user_id))


async def end_anybodys(request: web.Request) -> web.Response:
    """DELETE /api/users/{name}/sessions"""
    hub, name = request.app[HUB], request.match_info["name"]
    await hub.sessions.end_of_user(await hub.users.id_of(name))
    return respond(Done(message=f"The sessions of '{name}' have ended"))


ROUTES = [
    Route("GET", "/api/auth/sessions", list_own, Access.VIEWER, gives=Listing(Session)),
    Route("DELETE", "/api/auth/sessions", end_others, Access.VIEWER, gives=Done),
    Route("DELETE", "/api/auth/sessions/{id}", end_one, Access.VIEWER, gives=Done),
    Route("GET", "/api/users/{name}/sessions", list_anybodys, Access.ADMIN, gives=Listing(Session)),
    Route("DELETE", "/api/users/{name}/sessions", end_anybodys, Access.ADMIN, gives=Done),
]
