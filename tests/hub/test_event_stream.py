"""GET /api/events as a browser's EventSource sees it."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from batwa_common.web.serve import DRAINING, STOPPING
from batwa_hub.hub import Hub


async def next_event(stream: ClientResponse) -> tuple[str, str, Any]:
    """Return (event, id, data) of the next event that is dispatched."""
    name = last_id = data = ""
    async with asyncio.timeout(10):
        async for line in stream.content:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            match field:
                case "event":
                    name = value
                case "id":
                    last_id = value
                case "data":
                    data = value
                case "" if data:
                    return name, last_id, json.loads(data)
    raise EOFError


async def test_a_watcher_sees_changes_from_now_on(hub: Hub, admin: TestClient) -> None:
    await hub.events.publish("agent", "changed", "before")
    await hub.events.after(await hub.events.position())
    async with admin.get("/api/events") as stream:
        assert stream.content_type == "text/event-stream"
        assert stream.headers["Cache-Control"] == "no-store"
        await hub.events.publish("vm", "changed", "oslo/web", {"name": "web", "text": "line\nbreak"})

        name, last_id, data = await next_event(stream)

    assert (name, data["subject"], data["data"]["text"]) == ("vm", "oslo/web", "line\nbreak")
    assert last_id == str(data["id"])


@pytest.mark.parametrize("how", ["header", "query"])
async def test_a_watcher_that_comes_back_gets_what_it_missed_once(
    hub: Hub, admin: TestClient, how: str
) -> None:
    for number in range(1, 6):
        await hub.events.publish("vm", "changed", f"a/{number}")
        await hub.events.after(number - 1)
    headers, params = ({"Last-Event-ID": "2"}, {}) if how == "header" else ({}, {"last_event_id": "2"})
    async with admin.get("/api/events", headers=headers, params=params) as stream:
        seen = [(await next_event(stream))[2]["subject"] for _ in range(3)]

    assert seen == ["a/3", "a/4", "a/5"]


async def test_a_watcher_that_knows_another_history_is_told_to_reload(hub: Hub, admin: TestClient) -> None:
    async with admin.get("/api/events", headers={"Last-Event-ID": "123456"}) as stream:
        name, last_id, data = await next_event(stream)
        assert (name, last_id, data["kind"]) == ("reload", "0", "reload")
        await hub.events.publish("vm", "removed", "a/1")
        assert (await next_event(stream))[0] == "vm"


@pytest.mark.parametrize("odd", ["x", "-1", "1.5", "9" * 30, "²"])
async def test_an_odd_id_is_refused(admin: TestClient, odd: str) -> None:
    answer = await admin.get("/api/events", params={"last_event_id": odd})

    assert answer.status == 400
    assert (await answer.json())["detail"] == "Last-Event-ID must be the id of an event, a whole number"


async def test_the_stream_ends_with_its_login(admin: TestClient) -> None:
    async with admin.get("/api/events") as stream:
        await admin.post("/api/auth/logout")

        async with asyncio.timeout(2):
            await stream.content.read()


async def test_the_stream_ends_when_another_process_ends_the_login(hub: Hub, admin: TestClient) -> None:
    async with admin.get("/api/events") as stream:
        await hub.accounts.set_admin_password("another")

        async with asyncio.timeout(2):
            await stream.content.read()


async def test_the_stream_ends_when_the_hub_stops(admin: TestClient) -> None:
    async with admin.get("/api/events") as stream:
        assert admin.app is not None
        admin.app[STOPPING].set()

        async with asyncio.timeout(2):
            await stream.content.read()
        admin.app[DRAINING].set()
        answer = await admin.get("/readyz")
        assert answer.status == 503
        assert (await answer.json())["detail"] == "The hub is stopping."
