"""A hub that answers what a test tells it to, and remembers what it was asked."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.test_utils import TestServer

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Asked(NamedTuple):
    """A request, as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


def told(body: object, status: int = 200, **headers: str) -> Reply:
    async def reply(request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response(body, status=status, headers=headers)

    return reply


def problem(status: int, code: str, detail: str = "a sentence", **headers: str) -> Reply:
    body = {
        "title": "",
        "status": status,
        "code": code,
        "detail": detail,
        "error": detail,
        "request_id": "r1",
    }
    return told(body, status, **headers)


async def cut(request: web.Request) -> web.StreamResponse:
    """Drop the connection instead of answering."""
    assert request.transport
    request.transport.abort()
    return web.Response()


async def silence(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError(request)


class ScriptedHub:
    """Replies in the given order; the last one goes on for ever."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._replies: deque[Reply] = deque()
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._answer)
        self.server = TestServer(app, host="127.0.0.1")

    def will(self, *replies: Reply) -> None:
        self._replies = deque(replies)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.asked.append(
            Asked(
                request.method,
                request.raw_path.partition("?")[0],
                dict(request.query),
                dict(request.headers),
                json.loads(body) if body else None,
            )
        )
        reply = self._replies[0] if len(self._replies) == 1 else self._replies.popleft()
        return await reply(request)
