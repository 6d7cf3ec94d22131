"""/: what this is, for programs; the web page, for browsers."""

from aiohttp import hdrs, web

from batwa_common.web.body import respond
from batwa_common.web.routes import Access, Route
from batwa_common.wire.documented import About

from .page import document, prefers_html


async def about(request: web.Request) -> web.StreamResponse:
    """GET /"""
    if prefers_html(request):
        return await document(request)
    return respond(About(), headers={"Vary": hdrs.ACCEPT})


ROUTES = [Route("GET", "/", about, Access.ANYONE, gives=About)]
