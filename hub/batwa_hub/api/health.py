"""/healthz: the process lives. /readyz: it can do its work."""

import asyncio

from aiohttp import web

from batwa_common.errors import Unavailable
from batwa_common.web.body import respond
from batwa_common.web.routes import Access, Route
from batwa_common.web.serve import DRAINING
from batwa_common.wire.documented import Done
from batwa_hub.hub import HUB

PING_TIMEOUT_S = 5.0
"""How long the database may take to answer before the hub counts as not ready."""


async def alive(request: web.Request) -> web.Response:
    """GET /healthz"""
    del request
    return respond(Done(message="alive"))


async def ready(request: web.Request) -> web.Response:
    """GET /readyz"""
    if request.app[DRAINING].is_set():
        raise Unavailable("The hub is stopping.")
    try:
        async with asyncio.timeout(PING_TIMEOUT_S):
            await request.app[HUB].database.ping()
    except TimeoutError:
        raise Unavailable("The hub's database does not answer in time.") from None
    return respond(Done(message="ready"))


ROUTES = [
    Route("GET", "/healthz", alive, Access.ANYONE, gives=Done),
    Route("GET", "/readyz", ready, Access.ANYONE, gives=Done),
]
