"""/api/ca.pem: the CA of this hub's certificate, for whoever can check its fingerprint."""

from aiohttp import web

from batwa_common.errors import NotFound
from batwa_common.tls import CA_PATH
from batwa_common.web.routes import Access, Route
from batwa_hub.hub import HUB


async def bundle(request: web.Request) -> web.Response:
    """GET /api/ca.pem"""
    tls = request.app[HUB].tls
    if tls is None or tls.bundle is None:
        raise NotFound(
            "This hub has no CA of its own: it serves HTTP, or a certificate the system's CAs know."
        )
    return web.Response(text=tls.bundle, content_type="application/x-pem-file")


ROUTES = [Route("GET", CA_PATH, bundle, Access.ANYONE)]
"""Tells nothing secret; a stranger has to be able to read it before TLS can be checked at all."""
