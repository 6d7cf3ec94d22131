"""The cookie by which a device that logged in before is known, so that guessers elsewhere do not slow it."""

from aiohttp import web

from batwa_hub.hub import HUB
from batwa_hub.services.devices import LIFETIME_S

COOKIE = "known_device"


def device_of(request: web.Request, account: str) -> str | None:
    """Return a name of the device if it logged in to *account* before, else None."""
    return request.app[HUB].devices.find(account, request.cookies.get(COOKIE))


def remember_device(request: web.Request, account: str, response: web.Response) -> web.Response:
    """Return *response*, for a browser with the cookie; it opens nothing, and only logins are sent it."""
    if "Sec-Fetch-Site" not in request.headers:
        return response
    response.set_cookie(
        COOKIE,
        request.app[HUB].devices.prove(account),
        path="/api/auth",
        max_age=LIFETIME_S,
        httponly=True,
        samesite="Lax",
        secure=request.secure,
    )
    return response
