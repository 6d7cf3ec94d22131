"""/api/events: what changes, as server-sent events that resume where they were cut."""

import asyncio
import contextlib
import json
from collections.abc import Callable

from aiohttp import hdrs, web

from batwa_common.errors import InvalidRequest, Unavailable
from batwa_common.web.body import read_query
from batwa_common.web.routes import Access, Route
from batwa_common.web.serve import STOPPING
from batwa_common.wire.event import Event, EventsQuery
from batwa_hub.hub import HUB
from batwa_hub.services.events import Batch, Events

from .access import ends, fleet_of

HEARTBEAT_S = 15.0
"""Longest silence; below the idle time-outs of common proxies."""
SEND_TIMEOUT_S = 30.0
"""How long a watcher may leave what we send unread before it is cut off."""
MOST_DIGITS = 18
"""Of an event's id: fits the database's integers."""


async def watch(request: web.Request) -> web.StreamResponse:
    """GET /api/events"""
    hub, given = request.app[HUB], _last_event_id(request)
    position = await hub.events.position() if given is None else given
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    over, shows = asyncio.Event(), fleet_of(request).event_filter()
    with ends(request, over.set):
        stopping = asyncio.ensure_future(_first_of(over, request.app[STOPPING]))
        try:
            await _stream(response, hub.events, position, stopping, shows)
        finally:
            stopping.cancel()
    return response


async def _stream(
    response: web.StreamResponse,
    events: Events,
    position: int,
    stopping: asyncio.Future[None],
    shows: Callable[[Event], bool],
) -> None:
    """Send batch after batch until *stopping* is done or nothing goes any more: the watcher will be back."""
    text = f": watching after {position}\nid: {position}\n\n"
    with contextlib.suppress(ConnectionError, TimeoutError, Unavailable):
        while not stopping.done():
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await response.write(text.encode())
            batch = await _next(events, position, stopping)
            position, text = (position, ": \n\n") if batch is None else (batch.position, _text(batch, shows))


async def _next(events: Events, position: int, stopping: asyncio.Future[None]) -> Batch | None:
    """Return the next batch, or None after `HEARTBEAT_S` of silence or when *stopping* is done."""
    news = asyncio.ensure_future(events.after(position))
    try:
        await asyncio.wait((news, stopping), timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
        return news.result() if news.done() else None
    finally:
        news.cancel()


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _text(batch: Batch, shows: Callable[[Event], bool]) -> str:
    shown = [event for event in batch.events if shows(event)]
    lines = [f"id: {e.id}\nevent: {e.kind}\ndata: {e.model_dump_json()}\n\n" for e in shown]
    if not shown and not batch.missed:
        lines.append(f"id: {batch.position}\n\n")
    if batch.missed:
        reload = {"id": batch.position, "kind": "reload", "action": "changed", "subject": "", "data": None}
        lines.append(f"id: {batch.position}\nevent: reload\ndata: {json.dumps(reload)}\n\n")
    return "".join(lines)


def _last_event_id(request: web.Request) -> int | None:
    given = request.headers.get(hdrs.LAST_EVENT_ID) or read_query(request, EventsQuery).last_event_id
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= MOST_DIGITS):
        raise InvalidRequest("Last-Event-ID must be the id of an event, a whole number")
    return int(given)


ROUTES = [Route("GET", "/api/events", watch, Access.VIEWER, query=EventsQuery)]
