"""Agents that dial the hub: every call travels back through what they dialled."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pydantic import TypeAdapter

from batwa_agent.link import BackOff, Link
from batwa_common.errors import AgentTimeout, AgentUnreachable
from batwa_common.wire.link import link_url
from batwa_hub.hub import Hub
from batwa_hub.settings import Settings
from batwa_hub.transport.links import LinkConnector, Links

from .fleet_fakes import register, serving
from .link_fakes import CHUNK, Machine, Network, linked

HEARTBEAT_S = 1.0
FEATURES = ("inventory",)
TOLD = TypeAdapter(dict[str, Any])


@pytest.fixture
def settings(settings: Settings) -> Settings:
    agent = settings.agent.model_copy(update={"link_heartbeat_s": HEARTBEAT_S, "call_timeout_s": 2.0})
    return settings.model_copy(update={"agent": agent})


@pytest.fixture
def hub_url(admin: TestClient) -> str:
    return f"http://{admin.host}:{admin.port}"


@pytest.fixture
async def key(admin: TestClient) -> str:
    return (await register(admin, "oslo", api_url=link_url("oslo"), features=FEATURES))["X-API-Key"]


@pytest.fixture
async def machine() -> Machine:
    return Machine("oslo")


@pytest.fixture
async def link(hub_url: str, key: str, machine: Machine) -> AsyncIterator[Link]:
    async with linked(machine, hub_url, agent_id="oslo", api_key=key) as link:
        yield link


async def ask(hub: Hub, agent_id: str = "oslo") -> Any:
    return await hub.directory.http(agent_id).call("GET", "/name", TOLD)


async def wait(hub: Hub) -> Any:
    return await hub.directory.http("oslo").call("POST", "/wait", TOLD, wait_s=20)


async def test_a_call_arrives_with_the_agents_key(hub: Hub, key: str, link: Link) -> None:
    assert await ask(hub) == {"name": "oslo", "key": key}
    assert link.trouble is None


@pytest.mark.usefixtures("link")
async def test_a_linked_agent_is_shown_as_one(admin: TestClient) -> None:
    agent = (await (await admin.get("/api/agent/info/oslo")).json())["agent"]

    assert (agent["connection"], agent["api_url"]) == ("linked", "http://oslo.link")


@pytest.mark.usefixtures("link")
async def test_calls_in_turn_share_a_connection(hub: Hub, machine: Machine) -> None:
    for _ in range(20):
        await ask(hub)

    assert len(machine.connections) == 1


@pytest.mark.usefixtures("link")
async def test_two_hundred_calls_at_once_are_all_answered(hub: Hub, machine: Machine) -> None:
    calls = [asyncio.create_task(wait(hub)) for _ in range(200)]
    async with asyncio.timeout(40):
        while machine.busy < 200:
            await asyncio.sleep(0.01)
    machine.released.set()

    assert [(await call)["name"] for call in calls] == ["oslo"] * 200
    assert len(machine.connections) == 200


@pytest.mark.usefixtures("link")
async def test_a_reader_that_does_not_read_stops_the_agent(hub: Hub, machine: Machine) -> None:
    async with hub.directory.http("oslo").streaming("/stream/1600") as answer:
        await answer.content.readexactly(len(CHUNK))
        async with asyncio.timeout(10):
            before = -1
            while machine.sent_bytes > before:
                before = machine.sent_bytes
                await asyncio.sleep(0.1)
        assert machine.sent_bytes < 16 << 20
        rest = 0
        async for chunk in answer.content.iter_any():
            rest += len(chunk)

    assert rest == 1599 * len(CHUNK)


async def test_a_wrong_key_links_nothing_and_the_agent_says_what_to_do(hub_url: str, hub: Hub) -> None:
    async with linked(Machine(), hub_url, agent_id="oslo", api_key="bak_wrong") as link, asyncio.timeout(5):
        while "refuses the API key" not in (link.trouble or ""):
            await asyncio.sleep(0.01)

    assert not hub.links.is_up("oslo")


async def test_a_revoked_key_ends_the_link_at_once(admin: TestClient, hub: Hub, link: Link) -> None:
    await ask(hub)
    (issued,) = await (await admin.get("/api/agent/keys")).json()
    await admin.delete(f"/api/agent/keys/{issued['id']}")

    async with asyncio.timeout(5):
        while "refuses the API key" not in (link.trouble or ""):
            await asyncio.sleep(0.01)
    assert not hub.links.is_up("oslo")


@pytest.mark.usefixtures("link")
async def test_nobody_dials_for_another(admin: TestClient, hub: Hub) -> None:
    await ask(hub)
    theirs = await register(admin, "rome", api_url=link_url("rome"), features=FEATURES)
    upgrade = {"Connection": "Upgrade", "Upgrade": "batwa-link"}

    for token in ("x" * 22, ""):
        answer = await admin.get(f"/api/agent/dial/{token}", headers=theirs | upgrade)
        assert answer.status == 404


async def test_nobody_registers_with_anothers_link(admin: TestClient, key: str) -> None:
    body = {"agent_id": "oslo", "hostname": "oslo", "api_url": "http://rome.link"}
    answer = await admin.post("/api/agent/register", json=body, headers={"X-API-Key": key})

    assert answer.status == 400
    assert "http://oslo.link" in await answer.text()


@pytest.mark.usefixtures("link")
async def test_ids_that_differ_by_case_alone_are_two_links(admin: TestClient, hub: Hub, hub_url: str) -> None:
    capital = (await register(admin, "Oslo", api_url=link_url("Oslo"), features=FEATURES))["X-API-Key"]

    async with linked(Machine("Oslo"), hub_url, agent_id="Oslo", api_key=capital):
        assert (await ask(hub, agent_id="Oslo"))["name"] == "Oslo"
        assert (await ask(hub, agent_id="oslo"))["name"] == "oslo"


async def test_the_last_to_link_is_called_and_the_first_is_told(
    hub: Hub, hub_url: str, key: str, machine: Machine, link: Link
) -> None:
    under_way = asyncio.create_task(wait(hub))
    await machine.asked.wait()

    async with linked(Machine("other"), hub_url, agent_id="oslo", api_key=key) as other:
        with pytest.raises(AgentTimeout, match="broke off"):
            await under_way
        async with asyncio.timeout(5):
            while "another agent has linked" not in (link.trouble or ""):
                await asyncio.sleep(0.01)
            while other.trouble is not None:
                await asyncio.sleep(0.01)
        assert (await ask(hub))["name"] == "other"


async def test_a_link_that_breaks_is_made_again_and_calls_wait_for_it(
    hub: Hub, admin: TestClient, key: str, machine: Machine
) -> None:
    async with (
        Network(admin.port or 0) as network,
        linked(machine, network.url, agent_id="oslo", api_key=key),
    ):
        under_way = asyncio.create_task(wait(hub))
        await machine.asked.wait()
        network.cut()

        with pytest.raises(AgentTimeout, match="broke off"):
            await under_way
        assert (await ask(hub))["name"] == "oslo"


async def test_a_hub_that_is_known_to_be_back_is_linked_at_once(
    hub: Hub, admin: TestClient, key: str, machine: Machine
) -> None:
    hours, back = BackOff(first_s=1e6, last_s=1e6), asyncio.Event()
    async with (
        Network(admin.port or 0) as network,
        linked(machine, network.url, agent_id="oslo", api_key=key, back_off=hours, back=back),
    ):
        assert (await ask(hub))["name"] == "oslo"
        network.cut()
        back.set()
        assert (await ask(hub))["name"] == "oslo"


async def test_a_link_that_falls_silent_is_noticed_by_both_ends(
    hub: Hub, admin: TestClient, key: str, machine: Machine
) -> None:
    async with (
        Network(admin.port or 0) as network,
        linked(machine, network.url, agent_id="oslo", api_key=key, heartbeat_s=HEARTBEAT_S),
    ):
        under_way = asyncio.create_task(wait(hub))
        await machine.asked.wait()
        network.fall_silent()

        async with asyncio.timeout(10 * HEARTBEAT_S):
            with pytest.raises(AgentTimeout, match="broke off"):
                await under_way
            assert (await ask(hub))["name"] == "oslo"


async def test_an_agent_that_leaves_finishes_what_it_was_asked(
    hub: Hub, machine: Machine, link: Link
) -> None:
    under_way = asyncio.create_task(wait(hub))
    await machine.asked.wait()
    await link.stop()
    async with asyncio.timeout(5):
        while hub.links.is_up("oslo"):
            await asyncio.sleep(0.01)
    machine.released.set()

    assert (await under_way)["name"] == "oslo"


@pytest.mark.usefixtures("key")
async def test_a_call_to_an_agent_that_is_not_linked_says_so_soon(hub: Hub) -> None:
    with pytest.raises(AgentUnreachable, match="is not linked"):
        await ask(hub)


async def test_other_addresses_are_dialled(hub_url: str) -> None:
    links = Links(heartbeat_s=1, relink_s=1)
    async with aiohttp.ClientSession(hub_url, connector=LinkConnector(links.connect)) as session:
        assert (await session.get("/healthz")).status == 200


async def test_a_key_of_no_agent_yet_is_told_to_register(admin: TestClient, hub: Hub) -> None:
    secret = (await hub.keys.issue("anybody")).api_key
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "X-API-Key": secret}

    answer = await admin.get("/api/agent/link", headers=upgrade)

    assert answer.status == 403
    assert "register" in await answer.text()


async def test_what_is_no_upgrade_is_refused_with_a_sentence(admin: TestClient, key: str) -> None:
    for path in ("/api/agent/link", f"/api/agent/dial/{'x' * 22}"):
        assert (await admin.get(path, headers={"X-API-Key": key})).status == 400


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (404, "update the hub"),
        (400, "must pass on the headers Upgrade"),
        (200, "must pass on the headers Upgrade"),
        (502, "in front of it answers 502"),
    ],
)
async def test_an_agent_says_what_is_wrong_on_the_way(status: int, advice: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    runner, url = await serving({("GET", "/api/agent/link"): answer})
    async with linked(Machine(), url, agent_id="oslo", api_key="bak_x") as link, asyncio.timeout(5):
        while advice not in (link.trouble or ""):
            await asyncio.sleep(0.01)
    await runner.cleanup()


async def test_what_is_no_hub_is_not_obeyed() -> None:
    async def chat(request: web.Request) -> web.WebSocketResponse[bool]:
        socket = web.WebSocketResponse[bool]()
        await socket.prepare(request)
        await socket.send_str('{"dial": "everything"}')
        async for _ in socket:
            pass
        return socket

    runner, url = await serving({("GET", "/api/agent/link"): chat})
    async with linked(Machine(), url, agent_id="oslo", api_key="bak_x") as link, asyncio.timeout(5):
        while "not a Batwa hub" not in (link.trouble or ""):
            await asyncio.sleep(0.01)
    await runner.cleanup()
