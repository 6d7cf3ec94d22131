"""Headers that every answer has unless its handler knows better: a browser is to make nothing else of it."""

from http import HTTPStatus

from aiohttp import hdrs, web

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


async def make_safe(request: web.Request, response: web.StreamResponse) -> None:
    """Complete the headers of *response*; what the API answers is kept in no cache.

    What switches protocols is no document, and keeps its headers in memory as long as it is open.
    """
    if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return
    response.headers[hdrs.SERVER] = "Batwa"  # not what it is made of, in which version
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/api/"):
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
