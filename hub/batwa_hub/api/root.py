"""/: what this is, for programs; the web page, for browsers."""

import asyncio
from pathlib import Path

from aiohttp import hdrs, web

from batwa_common.web.body import respond
from batwa_common.web.routes import Access, Route
from batwa_common.wire.documented import About

BUILT_IN = Path(__file__).parents[1] / "static" / "index.html"
"""The web page, in a package that has one built in."""
PAGE = web.AppKey("page", Path)
"""Where the application looks for it."""


async def about(request: web.Request) -> web.StreamResponse:
    """GET /"""
    if _prefers_html(request) and await asyncio.to_thread(request.app[PAGE].is_file):
        return web.FileResponse(request.app[PAGE], headers={"Vary": hdrs.ACCEPT})
    return respond(About(), headers={"Vary": hdrs.ACCEPT})


def _prefers_html(request: web.Request) -> bool:
    """Whether the header `Accept` names HTML, and JSON not before it; `*/*` is what programs send."""
    wishes = [
        wish.partition(";")[0].strip() for wish in request.headers.get(hdrs.ACCEPT, "").lower().split(",")
    ]
    named = [wish for wish in wishes if wish in {"text/html", "application/json"}]
    return named[:1] == ["text/html"]


ROUTES = [Route("GET", "/", about, Access.ANYONE, gives=About)]
