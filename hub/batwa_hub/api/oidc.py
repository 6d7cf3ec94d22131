"""/api/auth/oidc: signing on with an OpenID Connect provider."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

import aiohttp_session
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import Field, StringConstraints, ValidationError

from batwa_common.errors import NotAuthenticated, NotFound
from batwa_common.web.body import read_query
from batwa_common.web.routes import Access, Route
from batwa_common.wire.base import Wire
from batwa_common.wire.problem import Problem
from batwa_hub.hub import HUB
from batwa_hub.services.sign_on import ATTEMPT_S, SignOn

from .auth import begin_session
from .devices import remember_device
from .page import prefers_html

COOKIE = "sign_on"
"""What a browser that is at the provider keeps."""
PATH = "/api/auth/oidc"
LOGIN_PAGE = "/login"
REFUSED_COOKIE = "sign_on_refused"
"""What the login page reads of a sign-on that failed, and forgets: percent-encoded JSON."""
REFUSED_S = 60
"""How long it waits for that page to come in."""
_SHOWN_CHARS = 300
"""Of the sentence: with every character encoded it still fits into a cookie of 4 KiB."""

OwnPath = Annotated[
    str, StringConstraints(pattern=r"^/(?:[^/\\\x00-\x20\x7f][^\\\x00-\x20\x7f]*)?$", max_length=1000)
]
"""A path of this hub and of no other: `//elsewhere` and `/\\elsewhere` are none."""


class SignOnQuery(Wire):
    """Query of `GET /api/auth/oidc`."""

    next: OwnPath = "/"
    """Where to go afterwards."""


class Returned(Wire):
    """What the provider sends the browser back with (RFC 6749, section 4.1.2)."""

    state: str = Field(default="", repr=False)
    """What it was sent with."""
    code: str = Field(default="", repr=False)
    """What this hub asks the provider with who it was."""
    error: Annotated[str, StringConstraints(max_length=64)] = ""
    """Why the provider does not let them go on."""


async def begin(request: web.Request) -> web.Response:
    """GET /api/auth/oidc"""
    then = read_query(request, SignOnQuery).next
    begun = await _sign_on(request).begin(redirect_uri=_callback(request), then=then)
    response = _going_to(begun.address)
    response.set_cookie(
        COOKIE,
        begun.sealed,
        path=PATH,
        max_age=ATTEMPT_S,
        httponly=True,
        samesite="Lax",
        secure=request.secure,
    )
    return response


async def complete(request: web.Request) -> web.Response:
    """GET /api/auth/oidc/callback"""
    sign_on, given = _sign_on(request), read_query(request, Returned)
    if given.error:
        raise NotAuthenticated(f"The provider did not sign you on: {given.error!r}. Begin again.")
    sealed = request.cookies.get(COOKIE, "")
    user, then = await sign_on.complete(given.code, given.state, sealed, redirect_uri=_callback(request))
    await aiohttp_session.get_session(request)  # the old login, if any, is to end with this one
    await begin_session(request, user, how="sign-on")
    response = _going_to(then)
    response.del_cookie(COOKIE, path=PATH)
    return remember_device(request, user.name, response)


@web.middleware
async def login_page_tells(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send a browser whose sign-on failed to the login page, which tells why; programs get the problem.

    The sentence goes by a cookie and not in the address, where a link could make the page say anything.
    """
    response = await handler(request)
    signing_on = request.path in {PATH, f"{PATH}/callback"} and prefers_html(request)
    if not signing_on or response.status < HTTPStatus.BAD_REQUEST or not isinstance(response, web.Response):
        return response
    problem = Problem.model_validate_json(response.text or "")
    shown = problem.model_copy(update={"detail": problem.detail[:_SHOWN_CHARS]})
    told = quote(shown.model_dump_json(include={"status", "code", "detail", "request_id"}), safe="")
    then = _then(request)
    answer = _going_to(LOGIN_PAGE if then == "/" else f"{LOGIN_PAGE}?next={quote(then, safe='')}")
    answer.set_cookie(
        REFUSED_COOKIE, told, path=LOGIN_PAGE, max_age=REFUSED_S, samesite="Lax", secure=request.secure
    )
    answer.headers["X-Request-Id"] = response.headers["X-Request-Id"]
    return answer


def _then(request: web.Request) -> str:
    """Return where a sign-on that failed was to lead."""
    if request.path != PATH:
        sign_on, sealed = request.app[HUB].sign_on, request.cookies.get(COOKIE, "")
        return "/" if sign_on is None else sign_on.aim(sealed)
    try:
        return SignOnQuery.model_validate(dict(request.query)).next
    except ValidationError:
        return "/"


def _going_to(where: str) -> web.Response:
    return web.Response(status=HTTPStatus.FOUND, headers={"Location": where, "Cache-Control": "no-store"})


def _callback(request: web.Request) -> str:
    return f"{request.url.origin()}{PATH}/callback"


def _sign_on(request: web.Request) -> SignOn:
    if (sign_on := request.app[HUB].sign_on) is None:
        raise NotFound("There is no provider to sign on with here; set oidc.issuer in the hub's settings.")
    return sign_on


ROUTES = [
    Route("GET", PATH, begin, Access.ANYONE, query=SignOnQuery, status=HTTPStatus.FOUND),
    Route("GET", f"{PATH}/callback", complete, Access.ANYONE, query=Returned, status=HTTPStatus.FOUND),
]
