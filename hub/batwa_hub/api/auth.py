"""/api/auth: log in, log out, ask who one is."""

import aiohttp_session
import structlog
from aiohttp import web

from batwa_common.errors import NotAuthenticated
from batwa_common.scope import Scope
from batwa_common.web.body import read, respond
from batwa_common.web.routes import CALLER, Access, Caller, Route
from batwa_common.wire.documented import AuthStatus, Done, Login
from batwa_common.wire.user import Me, Setup, WhoAmI
from batwa_hub.hub import HUB
from batwa_hub.services.accounts import ADMIN, Authenticated

from .access import GRANT, account_of, address_of, find_caller
from .audited import PROVED, Actor
from .devices import device_of, remember_device
from .sessions import USER_ID

log = structlog.stdlib.get_logger(__name__)


async def login(request: web.Request) -> web.Response:
    """POST /api/auth/login"""
    given = await read(request, Login)
    await aiohttp_session.get_session(request)  # the old login, if any, is to end with this one
    hub, address = request.app[HUB], address_of(request)
    device = device_of(request, given.username)
    user = await hub.accounts.authenticate(given.username, given.password, address=address, device=device)
    await hub.second_factors.check(user.id, given.code)
    await begin_session(request, user)
    return remember_device(request, user.name, respond(Done(message="Login successful")))


async def set_up(request: web.Request) -> web.Response:
    """POST /api/auth/setup"""
    given = await read(request, Setup)
    await begin_session(request, await request.app[HUB].first_start.complete(given.code, given.password))
    return respond(Done(message=f"Welcome. From now on log in as {ADMIN} with this password."))


async def logout(request: web.Request) -> web.Response:
    """POST /api/auth/logout"""
    session = await aiohttp_session.get_session(request)
    session.invalidate()
    return respond(Done(message="Logged out"))


async def check(request: web.Request) -> web.Response:
    """GET /api/auth/check"""
    try:
        caller = await find_caller(request)
    except NotAuthenticated:  # a token that is none: that is an answer here
        caller = None
    if caller is not None and (grant := request.get(GRANT)) is not None:
        return respond(AuthStatus.of(grant.owner))
    return respond(AuthStatus.of(caller.name if caller else None))


async def me(request: web.Request) -> web.Response:
    """GET /api/auth/me"""
    return respond(await _me(request, request[CALLER]))


async def who_am_i(request: web.Request) -> web.Response:
    """GET /api/auth/session"""
    hub = request.app[HUB]
    sign_on = hub.settings.oidc.name if hub.sign_on is not None else None
    if (caller := await find_caller(request)) is not None:
        return respond(WhoAmI(me=await _me(request, caller), first_start=False, sign_on=sign_on))
    return respond(WhoAmI(me=None, first_start=await hub.first_start.is_open(), sign_on=sign_on))


async def _me(request: web.Request, caller: Caller) -> Me:
    account, scope = account_of(request), caller.scope or Scope()
    factor = await request.app[HUB].second_factors.of(account.user_id)
    return Me(
        name=account.name,
        kind="user" if account.session else "token",
        role=account.rights.role,
        terminals=caller.terminals,
        agents=None if scope.agents is None else tuple(sorted(scope.agents)),
        tags=dict(scope.tags),
        totp=factor.enabled,
        recovery_codes=factor.recovery_codes,
    )


async def begin_session(request: web.Request, user: Authenticated, *, how: str = "password") -> None:
    """Give the answer a new session: who asks has proved to be *user*."""
    request[PROVED] = Actor(user.name, "user")
    session = await aiohttp_session.new_session(request)
    session[USER_ID] = user.id
    log.info("login.succeeded", user=user.name, how=how, remote=address_of(request))


ROUTES = [
    Route("POST", "/api/auth/login", login, Access.ANYONE, takes=Login, gives=Done),
    Route("POST", "/api/auth/logout", logout, Access.ANYONE, gives=Done),
    Route("GET", "/api/auth/session", who_am_i, Access.ANYONE, gives=WhoAmI),
    Route("POST", "/api/auth/setup", set_up, Access.ANYONE, takes=Setup, gives=Done),
    Route("GET", "/api/auth/check", check, Access.ANYONE, gives=AuthStatus),
    Route("GET", "/api/auth/me", me, Access.VIEWER, gives=Me),
]
