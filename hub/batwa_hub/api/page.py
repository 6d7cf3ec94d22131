"""The web page in the browser: its one document, its files, and the paths that only it understands."""

import asyncio
import re
from pathlib import Path

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from batwa_common.errors import NotFound
from batwa_common.web.routes import Access, Route

BUILT_IN = Path(__file__).parents[1] / "static"
"""The built page, in a package that has one."""
PAGE = web.AppKey("page", Path)
"""Where the application looks for it."""

_POLICY = (
    "default-src 'none'",
    # A terminal's images and the player of recordings are decoded by WebAssembly of our own origin.
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self' 'unsafe-inline'",  # the components set custom properties in style attributes
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
HEADERS = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FOREVER = "public, max-age=31536000, immutable"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
"""Of one file in one directory: a path may hide a slash as `%2F`."""
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Batwa</title>
<p>The hub runs, but this installation has no web page built in: <code>make web</code> builds it
(it needs Node 20.19 or newer). The API is described at <a href="/api/docs">/api/docs</a>.</p></html>
"""


async def asset(request: web.Request) -> web.StreamResponse:
    """GET /assets/{file}"""
    file = request.app[PAGE] / "assets" / (name := request.match_info["file"])
    if _NAME.fullmatch(name) is None or not await asyncio.to_thread(file.is_file):
        raise NotFound("There is no such file of the page; reload the page, it has become newer.")
    headers = {hdrs.CACHE_CONTROL: _FOREVER, "X-Content-Type-Options": "nosniff"}
    return web.FileResponse(file, headers=headers)


async def document(request: web.Request) -> web.StreamResponse:
    """Answer with the page, which finds out from its address what to show."""
    index = request.app[PAGE] / "index.html"
    headers = {**HEADERS, hdrs.CACHE_CONTROL: "no-cache", hdrs.VARY: hdrs.ACCEPT}
    if await asyncio.to_thread(index.is_file):
        return web.FileResponse(index, headers=headers)
    return web.Response(text=_NOT_BUILT, content_type="text/html", headers=headers)


@web.middleware
async def page_for_browsers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with the page where a browser asks for a path that nothing else is at, such as `/vms`."""
    unknown = isinstance(request.match_info.http_exception, web.HTTPNotFound)
    ours = request.path.startswith(("/api/", "/assets/", "/ws"))
    if unknown and not ours and request.method in {hdrs.METH_GET, hdrs.METH_HEAD} and prefers_html(request):
        return await document(request)
    return await handler(request)


def prefers_html(request: web.Request) -> bool:
    """Whether the header `Accept` names HTML, and JSON not before it; `*/*` is what programs send."""
    wishes = [
        wish.partition(";")[0].strip() for wish in request.headers.get(hdrs.ACCEPT, "").lower().split(",")
    ]
    named = [wish for wish in wishes if wish in {"text/html", "application/json"}]
    return named[:1] == ["text/html"]


ROUTES = [Route("GET", "/assets/{file}", asset, Access.ANYONE)]
