"""Events: parsed from any pieces, resumed where they were cut."""

import json
from itertools import pairwise

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from batwa_common.client import RESTClient
from batwa_common.client.events import Reload
from batwa_common.client.sse import MAX_BLOCK_BYTES, Block, SseParser
from batwa_common.errors import HubMisbehaved, HubUnreachable, NotAuthenticated
from batwa_common.wire.event import Event

from .scripted import Reply, ScriptedHub, cut, problem

STREAM = 'id: 1\n\nid: 2\r\nevent: vm\r\ndata: {"a":1}\r\n\r\n: silence\n\ndata: ä\ndata: b\n\nid: 3'.encode()
BLOCKS = [
    Block("1", "message", ""),
    Block("2", "vm", '{"a":1}'),
    Block(None, "message", ""),
    Block(None, "message", "ä\nb"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_reads_the_same_in_whatever_pieces_it_comes(cuts: list[int]) -> None:
    parser, found = SseParser(), []
    marks = [0, *sorted(cuts), len(STREAM)]
    for begin, end in pairwise(marks):
        found += parser.feed(STREAM[begin:end])

    assert found == BLOCKS


def test_an_event_without_end_is_not_collected() -> None:
    parser = SseParser()
    with pytest.raises(HubMisbehaved):
        list(parser.feed(b"x" * (MAX_BLOCK_BYTES + 1)))


def event(number: int, kind: str = "vm") -> str:
    body = {
        "id": number,
        "kind": kind,
        "action": "changed",
        "subject": "local/x",
        "at": "2026-01-01T00:00:00Z",
    }
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(body)}\n\n"


def stream(*texts: str, then: Reply | None = None) -> Reply:
    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write("".join(texts).encode())
        if then is not None:
            await then(request)
        return response

    return reply


async def test_a_cut_stream_goes_on_where_it_was(scripted: ScriptedHub) -> None:
    scripted.will(
        stream(": watching\nid: 4\n\n", event(5), then=cut),
        cut,
        stream(event(6), event(7)),
        problem(401, "not-authenticated"),
    )
    async with RESTClient(scripted.url) as client:
        events = client.watch_events()
        assert [(await anext(events)).id for _ in range(3)] == [5, 6, 7]
        with pytest.raises(NotAuthenticated):
            await anext(events)

    assert [asked.headers.get("Last-Event-ID") for asked in scripted.asked] == [None, "5", "5", "7"]


async def test_the_position_is_known_before_the_first_event(scripted: ScriptedHub) -> None:
    scripted.will(stream("id: 4\n\n"), problem(401, "not-authenticated"))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(NotAuthenticated):
            await anext(client.watch_events())

    assert scripted.asked[1].headers["Last-Event-ID"] == "4"


async def test_a_gap_is_told_and_news_of_another_version_left_out(scripted: ScriptedHub) -> None:
    reload = 'id: 9\nevent: reload\ndata: {"id": 9, "kind": "reload", "subject": ""}\n\n'
    scripted.will(stream(reload, event(10, "volcano"), event(11)))
    async with RESTClient(scripted.url) as client:
        events = client.watch_events(last_event_id=3)
        gap, news = await anext(events), await anext(events)
        await events.aclose()

    assert gap == Reload(id=9)
    assert isinstance(news, Event) and news.id == 11
    assert scripted.asked[0].headers["Last-Event-ID"] == "3"


async def test_patience_has_an_end_when_asked_for() -> None:
    async with RESTClient("http://127.0.0.1:1") as client:
        with pytest.raises(HubUnreachable):
            await anext(client.watch_events(patience_s=0))
