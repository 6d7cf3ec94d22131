"""/api/users: who may log in; and one's own password."""

from aiohttp import web

from batwa_common.web.body import read, respond, respond_all
from batwa_common.web.routes import Access, Listing, Route
from batwa_common.wire.documented import Done
from batwa_common.wire.user import ChangePassword, ChangeUser, NewUser, User
from batwa_hub.hub import HUB

from .access import account_of, address_of


async def list_users(request: web.Request) -> web.Response:
    """GET /api/users"""
    return respond_all(await request.app[HUB].users.find_all())


async def add_user(request: web.Request) -> web.Response:
    """POST /api/users"""
    return respond(await request.app[HUB].users.add(await read(request, NewUser)))


async def change_user(request: web.Request) -> web.Response:
    """PATCH /api/users/{name}"""
    change = await read(request, ChangeUser)
    return respond(await request.app[HUB].users.change(request.match_info["name"], change))


async def remove_user(request: web.Request) -> web.Response:
    """DELETE /api/users/{name}"""
    name = request.match_info["name"]
    await request.app[HUB].users.remove(name)
    return respond(Done(message=f"User '{name}' removed"))


async def change_password(request: web.Request) -> web.Response:
    """POST /api/auth/password"""
    asked, account = await read(request, ChangePassword), account_of(request)
    await request.app[HUB].accounts.change_password(
        account.user_id, asked, keep=account.session, address=address_of(request)
    )
    return respond(Done(message="Password changed; your other sessions have ended"))


ROUTES = [
    Route("GET", "/api/users", list_users, Access.ADMIN, gives=Listing(User)),
    Route("POST", "/api/users", add_user, Access.ADMIN, takes=NewUser, gives=User),
    Route("PATCH", "/api/users/{name}", change_user, Access.ADMIN, takes=ChangeUser, gives=User),
    Route("DELETE", "/api/users/{name}", remove_user, Access.ADMIN, gives=Done),
    Route("POST", "/api/auth/password", change_password, Access.VIEWER, takes=ChangePassword, gives=Done),
]
