"""Heads of requests as everything after may rely on: each header is text, and the host is one."""

import re

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from batwa_common.errors import InvalidRequest

from .problems import problem_response

HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
"""A host and perhaps a port; names in other scripts come as browsers write them, `xn--…`."""


@web.middleware
async def readable(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read what is no UTF-8 in a header as `?`: others' cookies may be like that, and no secret of ours is.

    A request for a host that is none is refused (RFC 9112, 3.2).
    """
    if request.host and HOST.fullmatch(request.host) is None:
        detail = "The header Host names no host; send the hub's name or address, and its port."
        return problem_response(
            request, status=InvalidRequest.status, code=InvalidRequest.code, detail=detail
        )
    if all(value.isascii() for _, value in request.raw_headers):
        return await handler(request)
    told = ((name, value.encode(errors="replace").decode()) for name, value in request.headers.items())
    return await handler(request.clone(headers=CIMultiDict(told), host=request.host))
