"""/api/auth/totp: one's authenticator app; /api/users/{name}/totp: somebody's who has lost it."""

from aiohttp import web

from batwa_common.web.body import read, respond
from batwa_common.web.routes import Access, Route
from batwa_common.wire.documented import Done
from batwa_common.wire.totp import BeginTotp, GivenCode, NewTotp, RecoveryCodes
from batwa_hub.hub import HUB

from .access import address_of, login_of


async def begin(request: web.Request) -> web.Response:
    """POST /api/auth/totp"""
    hub, login, asked = request.app[HUB], login_of(request), await read(request, BeginTotp)
    await hub.accounts.verify(login.user_id, asked.password, address=address_of(request))
    issuer = f"Batwa {request.url.host}"
    return respond(await hub.second_factors.begin(login.user_id, name=login.username, issuer=issuer))


async def confirm(request: web.Request) -> web.Response:
    """POST /api/auth/totp/confirm"""
    hub, login, asked = request.app[HUB], login_of(request), await read(request, GivenCode)
    codes = await hub.second_factors.confirm(login.user_id, asked.code)
    await hub.sessions.end_of_user(login.user_id, keep=login.key)  # they came in without it
    return respond(codes)


async def renew(request: web.Request) -> web.Response:
    """POST /api/auth/totp/recovery-codes"""
    login, asked = login_of(request), await read(request, GivenCode)
    return respond(await request.app[HUB].second_factors.renew(login.user_id, asked.code))


async def remove(request: web.Request) -> web.Response:
    """DELETE /api/auth/totp"""
    login, asked = login_of(request), await read(request, GivenCode)
    await request.app[HUB].second_factors.remove(login.user_id, asked.code)
    return respond(Done(message="The authenticator app is removed; your password alone logs you in"))


async def reset(request: web.Request) -> web.Response:
    """DELETE /api/users/{name}/totp"""
    hub, name = request.app[HUB], request.match_info["name"]
    await hub.second_factors.reset(await hub.users.id_of(name))
    return respond(Done(message=f"The authenticator app of '{name}' is removed"))


ROUTES = [
    Route("POST", "/api/auth/totp", begin, Access.VIEWER, takes=BeginTotp, gives=NewTotp),
    Route("POST", "/api/auth/totp/confirm", confirm, Access.VIEWER, takes=GivenCode, gives=RecoveryCodes),
    Route("POST", "/api/auth/totp/recovery-codes", renew, Access.VIEWER, GivenCode, gives=RecoveryCodes),
    Route("DELETE", "/api/auth/totp", remove, Access.VIEWER, takes=GivenCode, gives=Done),
    Route("DELETE", "/api/users/{name}/totp", reset, Access.ADMIN, gives=Done),
]
