"""Reverse proxies: the one place that reads X-Forwarded-*, and only from those that are named."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from batwa_common.web.serve import CLIENT

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BY_PROXY = web.RequestKey("by_proxy", bool)
"""Set when a proxy that is believed has told where the request comes from."""
TRUSTED = web.AppKey("trusted", list[Network])
"""The proxies that are believed now."""
HSTS = "max-age=31536000"
"""A year of HTTPS only, for this host and not for its neighbours."""


def proxies(trusted: Sequence[Network]) -> Middleware:
    """Return the middleware that makes a request look as its sender made it.

    After it `request.remote`, `scheme`, `secure` and `host` are the client's. A request that comes
    from nobody in *trusted* is left as it is, whatever it says.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_among(trusted, request.remote) or not (told := _told(request, trusted)):
            return await handler(request)
        request[CLIENT] = told.get("remote", request.remote or "")
        request[BY_PROXY] = True
        return await handler(request.clone(**told))

    return middleware


@web.middleware
async def stay_with_https(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Have browsers that came by HTTPS come by nothing else (RFC 6797)."""
    response = await handler(request)
    if request.secure and not response.prepared:
        response.headers[hdrs.STRICT_TRANSPORT_SECURITY] = HSTS
    return response


def _told(request: web.Request, trusted: Sequence[Network]) -> dict[str, Any]:
    """Return what the proxies tell; of each header only what the one that spoke to us has added."""
    told: dict[str, Any] = {}
    # from the nearest to the farthest: the first that is no proxy of ours is the client
    hops = [hop for each in reversed(_values(request, "X-Forwarded-For")) if (hop := each.strip())]
    if hops:
        told["remote"] = next((hop for hop in hops if not _is_among(trusted, hop)), hops[-1])
    if (scheme := _last(request, "X-Forwarded-Proto")) in {"http", "https"}:
        told["scheme"] = scheme
    if host := _last(request, "X-Forwarded-Host"):
        told["host"] = host
    return told


def _last(request: web.Request, name: str) -> str:
    return (_values(request, name) or [""])[-1].strip()


def _values(request: web.Request, name: str) -> list[str]:
    lines = request.headers.getall(name, [])
    return [each for line in lines for each in line.encode(errors="replace").decode().split(",")]


def _is_among(trusted: Iterable[Network], address: str | None) -> bool:
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(parsed in network for network in trusted)
