"""GET /metrics, who may read it, and the measuring of all other requests."""

import hmac
import ipaddress
import time

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from batwa_common.errors import Forbidden, NotAuthenticated
from batwa_common.metrics import Metrics

from .routes import ROUTE, Access, Caller, Route

METRICS = web.AppKey("metrics", Metrics)

_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count *request* under the path of its route, and how long its answer took."""
    began_s, status = time.monotonic(), 500
    try:
        response = await handler(request)
        status = response.status
        if isinstance(response, web.Response):
            request.app[METRICS].request_s.labels(_route(request)).observe(time.monotonic() - began_s)
    finally:
        route = request.get(ROUTE)
        method = route.method if route is not None else "other"
        request.app[METRICS].requests.labels(method, _route(request), status).inc()
    return response


def _route(request: web.Request) -> str:
    # never what was asked for: strangers could make up as many as they like
    return route.path if (route := request.get(ROUTE)) is not None else "other"


def scraper(request: web.Request, token: str | None) -> Caller:
    """Return who reads the metrics: whoever has *token*; without one, this machine and nobody by a proxy.

    Raises `NotAuthenticated`, `Forbidden`.
    """
    if token is None:
        if _is_local(request.remote) and not any(name in request.headers for name in _FORWARDED):
            return Caller("metrics")
        raise Forbidden("Metrics are for this machine alone; set metrics.token to read them from elsewhere.")
    given = request.headers.get(hdrs.AUTHORIZATION, "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(errors="replace"), token.encode()):
        raise NotAuthenticated("Send the token of the setting metrics.token as Authorization: Bearer.")
    return Caller("metrics")


def _is_local(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


async def scrape(request: web.Request) -> web.Response:
    """GET /metrics"""
    body, content_type = await request.app[METRICS].text(request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})


ROUTES = [Route("GET", "/metrics", scrape, Access.METRICS)]
