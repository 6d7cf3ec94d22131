"""Schema in, schema out."""

import asyncio
from collections.abc import Mapping
from typing import TypeVar

from aiohttp import web
from pydantic import ValidationError

from batwa_common.errors import InvalidRequest
from batwa_common.wire.base import Wire

W = TypeVar("W", bound=Wire)

MAX_BODY_BYTES = 256 << 10
"""Bound of an ordinary request; cloud-init data of 64 KiB fits with room to spare."""

BODY_WITHIN_S = 20.0
"""How long a body may take, beside what its largest size takes at `SLOWEST_BYTES_PER_S`."""
SLOWEST_BYTES_PER_S = 64 << 10
PATIENCE_S = web.AppKey("patience", float)
"""Replaces `BODY_WITHIN_S` in an application."""

BODY = web.RequestKey("body", bytes)
"""Set by a guard that had to read the body to know who calls."""

ASKED = web.RequestKey("asked", list[Wire])
"""What has been understood so far."""


def explain(error: ValidationError) -> str:
    """Return what is wrong with the input as one sentence, without the input itself."""
    parts = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False)[:5]:
        where = ".".join(str(step) for step in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {what}" if where else what)
    return "; ".join(parts)


async def read(request: web.Request, shape: type[W], *, limit_bytes: int = MAX_BODY_BYTES) -> W:
    """Parse the JSON body as *shape*. Raises `InvalidRequest`; an empty body reads as `{}`."""
    given = request.get(BODY)
    body = await read_bytes(request, limit_bytes=limit_bytes) if given is None else given
    return understood(request, parse(body or b"{}", shape))


async def read_bytes(request: web.Request, *, limit_bytes: int) -> bytes:
    """Read the body, once. Raises aiohttp's 413 for a longer one, and 408 for one that takes too long."""
    body, patience_s = bytearray(), request.app.get(PATIENCE_S, BODY_WITHIN_S)
    try:
        async with asyncio.timeout(patience_s + limit_bytes / SLOWEST_BYTES_PER_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit_bytes:
                    raise web.HTTPRequestEntityTooLarge(max_size=limit_bytes, actual_size=len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return bytes(body)


def read_query(request: web.Request, shape: type[W]) -> W:
    """Parse the query parameters as *shape*. Raises `InvalidRequest`; of a repeated one the last counts."""
    try:
        return understood(request, shape.model_validate(dict(request.query)))
    except ValidationError as err:
        raise InvalidRequest(explain(err)) from err


def understood(request: web.Request, asked: W) -> W:
    """Keep *asked* as part of what the request asks for; returns it."""
    request.setdefault(ASKED, []).append(asked)
    return asked


def parse(text: bytes | str, shape: type[W]) -> W:
    """Parse JSON *text* as *shape*. Raises `InvalidRequest`."""
    try:
        return shape.model_validate_json(text)
    except ValidationError as err:
        raise InvalidRequest(explain(err)) from err


def respond(model: Wire, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with *model* as JSON."""
    return web.Response(
        body=model.model_dump_json(), status=status, headers=headers, content_type="application/json"
    )


def respond_all(models: list[W] | tuple[W, ...]) -> web.Response:
    """Answer with a JSON list of *models*."""
    body = "[" + ",".join(model.model_dump_json() for model in models) + "]"
    return web.Response(body=body, content_type="application/json")
