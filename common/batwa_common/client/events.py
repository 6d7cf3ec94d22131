"""Events: what changes, as it changes, over however many connections that takes."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Literal

from pydantic import ValidationError

from batwa_common.errors import HubUnreachable, Unavailable
from batwa_common.wire.base import Wire
from batwa_common.wire.event import Event

from .noun import Noun
from .retries import Backoff
from .sse import Block, SseParser

SILENCE_S = 45.0
"""The hub says something every 15 s; after three times that the connection is dead."""


class Reload(Wire):
    """So much was missed that the hub no longer has it: fetch the lists anew."""

    id: int
    """What follows comes after this."""
    kind: Literal["reload"] = "reload"


class EventMethods(Noun):
    """The hub's event stream."""

    async def watch_events(
        self, *, last_event_id: int | None = None, patience_s: float | None = None
    ) -> AsyncIterator[Event | Reload]:
        """Yield what changes from now on, or after the event *last_event_id*, each once and in order.

        A broken connection is opened again where it broke, without end or until the hub has been away for
        *patience_s*, which raises `HubUnreachable`. Kinds of events that this version does not know are
        left out. Raises `NotAuthenticated` when the login has ended.
        """
        position = None if last_event_id is None else str(last_event_id)
        backoff, n, heard_at = Backoff(longest_s=15.0), 0, time.monotonic()
        while True:
            try:
                async for block in self._blocks(position):
                    n, heard_at = 0, time.monotonic()
                    position = block.id or position
                    if (event := _event(block)) is not None:
                        yield event
            except (HubUnreachable, Unavailable):
                if patience_s is not None and time.monotonic() - heard_at > patience_s:
                    raise
            await asyncio.sleep(backoff.pause(n))
            n += 1

    async def _blocks(self, position: str | None) -> AsyncIterator[Block]:
        headers = {"Accept": "text/event-stream"}
        if position is not None:
            headers["Last-Event-ID"] = position
        parser = SseParser()
        async with self._http.stream("/api/events", headers=headers, silence_s=SILENCE_S) as content:
            async for chunk in content.iter_any():
                for block in parser.feed(chunk):
                    yield block


def _event(block: Block) -> Event | Reload | None:
    if not block.data:
        return None
    shape: type[Event | Reload] = Reload if block.event == "reload" else Event
    try:
        return shape.model_validate_json(block.data)
    except ValidationError:
        return None
