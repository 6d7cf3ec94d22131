"""/api/auth/passkeys: one's passkeys, and logging in with one."""

import aiohttp_session
from aiohttp import web

from batwa_common.web.body import read, respond, respond_all
from batwa_common.web.routes import Access, Listing, Route
from batwa_common.wire.documented import Done
from batwa_common.wire.passkey import BeginPasskey, NewPasskey, Passkey, PasskeyLogin, PasskeyOptions
from batwa_hub.hub import HUB
from batwa_hub.services.passkeys import Site

from .access import address_of, login_of
from .auth import begin_session
from .devices import remember_device


async def offer(request: web.Request) -> web.Response:
    """POST /api/auth/passkeys/options"""
    hub, login, asked = request.app[HUB], login_of(request), await read(request, BeginPasskey)
    await hub.accounts.verify(login.user_id, asked.password, address=address_of(request))
    return respond(await hub.passkeys.offer(login.user_id, login.username, _site(request)))


async def add(request: web.Request) -> web.Response:
    """POST /api/auth/passkeys"""
    login, given = login_of(request), await read(request, NewPasskey)
    return respond(await request.app[HUB].passkeys.add(login.user_id, given, _site(request)))


async def list_own(request: web.Request) -> web.Response:
    """GET /api/auth/passkeys"""
    return respond_all(await request.app[HUB].passkeys.find_all(login_of(request).user_id))


async def remove(request: web.Request) -> web.Response:
    """DELETE /api/auth/passkeys/{id}"""
    await request.app[HUB].passkeys.remove(login_of(request).user_id, request.match_info["id"])
    return respond(Done(message="The passkey is removed"))


async def ask(request: web.Request) -> web.Response:
    """POST /api/auth/passkeys/login/options"""
    return respond(request.app[HUB].passkeys.ask(_site(request)))


async def log_in(request: web.Request) -> web.Response:
    """POST /api/auth/passkeys/login"""
    given = await read(request, PasskeyLogin)
    await aiohttp_session.get_session(request)  # the old login, if any, is to end with this one
    user = await request.app[HUB].passkeys.authenticate(given, _site(request))
    await begin_session(request, user, how="passkey")
    return remember_device(request, user.name, respond(Done(message="Login successful")))


async def reset(request: web.Request) -> web.Response:
    """DELETE /api/users/{name}/passkeys"""
    hub, name = request.app[HUB], request.match_info["name"]
    await hub.passkeys.reset(await hub.users.id_of(name))
    return respond(Done(message=f"The passkeys of '{name}' are removed"))


def _site(request: web.Request) -> Site:
    return Site(str(request.url.origin()), request.url.host or "")


_PASSKEYS = "/api/auth/passkeys"

ROUTES = [
    Route("POST", f"{_PASSKEYS}/options", offer, Access.VIEWER, takes=BeginPasskey, gives=PasskeyOptions),
    Route("POST", _PASSKEYS, add, Access.VIEWER, takes=NewPasskey, gives=Passkey),
    Route("GET", _PASSKEYS, list_own, Access.VIEWER, gives=Listing(Passkey)),
    Route("DELETE", f"{_PASSKEYS}/{{id}}", remove, Access.VIEWER, gives=Done),
    Route("POST", f"{_PASSKEYS}/login/options", ask, Access.ANYONE, gives=PasskeyOptions),
    Route("POST", f"{_PASSKEYS}/login", log_in, Access.ANYONE, takes=PasskeyLogin, gives=Done),
    Route("DELETE", "/api/users/{name}/passkeys", reset, Access.ADMIN, gives=Done),
]
