"""Terminals of many agents over HTTP: who is asked, who may, and what one silent agent costs."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient
from structlog.testing import capture_logs

from batwa_common.wire.base import utc_now
from batwa_common.wire.terminal import Terminal
from batwa_hub.hub import Hub

from .conftest import PASSWORD
from .fleet_fakes import beat, register, serving, vm

FEATURES = ("operations", "inventory", "terminals", "shells")


class Agent:
    """An agent with one terminal and one VM, that notes what it is asked."""

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id
        self.asked: list[str] = []
        self.queries: list[dict[str, str]] = []
        self.silent = False
        self.opens_late = False
        self.released = asyncio.Event()
        self.url = ""
        self.headers: dict[str, str] = {}
        self.runner: web.AppRunner | None = None
        self.sockets: dict[str, web.WebSocketResponse[bool]] = {}

    async def start(self) -> None:
        terminal = "/api/terminals/{id}"
        self.runner, self.url = await serving(
            {
                ("GET", "/api/terminals"): self.list,
                ("POST", "/api/terminals"): self.one,
                ("GET", terminal): self.one,
                ("DELETE", terminal): self.one,
                ("DELETE", "/api/viewers/{key}"): self.close_viewer,
                ("GET", "/ws"): self.show,
            }
        )

    def terminal(self) -> str:
        return Terminal(
            id=f"{self.agent_id}~1",
            vm_name="web",
            agent_id=self.agent_id,
            state="running",
            rows=24,
            cols=80,
            created_at=utc_now(),
            created_by="somebody",
            linger_s=60,
            offset=0,
            kept_from=0,
        ).model_dump_json()

    async def note(self, request: web.Request) -> None:
        self.asked.append(f"{request.method} {request.path}")
        if self.silent:
            await self.released.wait()

    async def list(self, request: web.Request) -> web.Response:
        await self.note(request)
        return web.Response(body=f"[{self.terminal()}]", content_type="application/json")

    async def one(self, request: web.Request) -> web.Response:
        await self.note(request)
        return web.Response(body=self.terminal(), content_type="application/json")

    async def close_viewer(self, request: web.Request) -> web.Response:
        await self.note(request)
        await self.sockets[request.match_info["key"]].close(code=int(request.query["code"]))
        return web.Response(status=204)

    async def show(self, request: web.Request) -> web.WebSocketResponse[bool]:
        self.queries.append(dict(request.query))
        if self.opens_late:
            await self.released.wait()
        socket: web.WebSocketResponse[bool] = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets[request.query["viewer_key"]] = socket
        await socket.send_bytes(b"$ ")
        async for _ in socket:
            pass
        return socket


@pytest.fixture
async def agents(admin: TestClient) -> AsyncIterator[dict[str, Agent]]:
    found = {name: Agent(name) for name in ("bergen", "local", "oslo")}
    for name, agent in found.items():
        await agent.start()
        agent.headers = headers = await register(admin, name, api_url=agent.url, features=FEATURES)
        inventory = {"epoch": "e", "revision": 1, "vms": [vm(f"web-{name}").model_dump(mode="json")]}
        await beat(admin, name, headers, inventory)
        body = {"agent_id": name, "terminals": 0 if name == "bergen" else 1}
        await admin.post("/api/agent/heartbeat", json=body, headers=headers)
    yield found
    for agent in found.values():
        agent.released.set()
        assert agent.runner is not None
        await agent.runner.cleanup()


async def listed(client: TestClient) -> Any:
    answer = await client.get("/api/terminals")
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_only_agents_that_have_terminals_are_asked(admin: TestClient, agents: dict[str, Agent]) -> None:
    told = await listed(admin)

    assert {each["id"]: each["agent_id"] for each in told["terminals"]} == {"local~1": None, "oslo~1": "oslo"}
    assert told["terminals"][1]["agent_hostname"] == "oslo-host"
    assert not agents["bergen"].asked


async def test_a_terminal_opened_a_moment_ago_is_listed(admin: TestClient, agents: dict[str, Agent]) -> None:
    answer = await admin.post("/api/terminals", json={"vm_name": "web-bergen"})
    assert answer.status == 201 and answer.headers["Location"] == "/api/terminals/bergen~1"
    body = {"agent_id": "bergen", "terminals": 0}  # was on its way already
    assert (await admin.post("/api/agent/heartbeat", json=body, headers=agents["bergen"].headers)).ok

    assert "bergen~1" in {each["id"] for each in (await listed(admin))["terminals"]}
    assert agents["bergen"].asked == ["POST /api/terminals", "GET /api/terminals"]


async def test_a_silent_agent_is_named_and_holds_nobody_up(
    admin: TestClient, agents: dict[str, Agent]
) -> None:
    agents["oslo"].silent = True
    began = time.monotonic()

    told = await listed(admin)

    assert [each["id"] for each in told["terminals"]] == ["local~1"] and told["unanswered"] == ["oslo"]
    assert time.monotonic() - began < 6


@pytest.mark.parametrize("name", ["x", "nowhere~1", "~1"])
async def test_an_id_of_no_agent_is_not_found(admin: TestClient, agents: dict[str, Agent], name: str) -> None:
    for path in (f"/api/terminals/{name}", f"/api/recordings/{name}", f"/api/recordings/{name}/cast"):
        assert (await admin.get(path)).status == 404
    assert (await admin.get(f"/ws?terminal_id={name}", headers={"Upgrade": "websocket"})).status == 404
    assert not any(agent.asked for agent in agents.values())


async def test_a_token_for_one_agent_sees_no_terminal_of_another(
    admin: TestClient, agents: dict[str, Agent]
) -> None:
    del agents
    answer = await admin.post("/api/auth/tokens", json={"name": "t", "role": "operator", "agents": ["oslo"]})
    bearer = {"Authorization": f"Bearer {(await answer.json())['token']}"}
    admin.session.cookie_jar.clear()

    answer = await admin.get("/api/terminals", headers=bearer)
    assert [each["id"] for each in (await answer.json())["terminals"]] == ["oslo~1"]
    assert (await admin.get("/api/terminals/local~1", headers=bearer)).status == 404
    assert (await admin.post("/api/terminals/local~1/shares", headers=bearer, json={})).status == 404
    asked = {"filter": {}, "command": ["true"]}
    told = await (await admin.post("/api/exec", headers=bearer, json=asked)).json()
    assert [each["agent_id"] for each in told["results"]] == ["oslo"]


async def test_the_hub_says_who_watches_and_a_browser_cannot(
    admin: TestClient, agents: dict[str, Agent]
) -> None:
    query = "terminal_id=oslo~1&offset=7&rows=30&attachment=a-1&mode=owner&viewer=root&viewer_key=x"
    async with admin.ws_connect(f"/ws?{query}") as socket:
        assert (await socket.receive()).data == b"$ "

    [passed] = agents["oslo"].queries
    assert passed.pop("viewer_key") not in {"", "x"}
    assert passed == {
        "terminal_id": "oslo~1",
        "mode": "writer",
        "viewer": "admin",
        "offset": "7",
        "rows": "30",
        "attachment": "a-1",
    }


async def test_that_a_terminal_was_open_and_for_how_long_is_recorded(
    admin: TestClient, agents: dict[str, Agent]
) -> None:
    async with admin.ws_connect("/ws?terminal_id=oslo~1") as socket:
        assert (await socket.receive()).data == b"$ "
    del agents

    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while len(found) < 2:
            found = (await (await admin.get("/api/audit", params={"target": "oslo~1"})).json())["records"]

    ended, opened = found
    assert [(each["action"], each["who"], each["status"]) for each in found] == [
        ("GET /ws", "admin", 101)
    ] * 2
    assert "ended_after_s" not in opened["details"] and ended["details"]["ended_after_s"] >= 0


async def test_an_ended_login_is_told_why_and_an_agent_that_hangs_delays_it_little(
    admin: TestClient, agents: dict[str, Agent]
) -> None:
    for silent, code in ((False, 4401), (True, 1006)):
        answer = await admin.post("/api/auth/login", json={"username": "admin", "password": PASSWORD})
        assert answer.status == 200
        async with admin.ws_connect("/ws?terminal_id=oslo~1") as socket:
            assert (await socket.receive()).data == b"$ "
            agents["oslo"].silent = silent
            began = time.monotonic()
            told, _ = await asyncio.gather(socket.receive(), admin.post("/api/auth/logout"))
            assert told.type in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR}
            assert socket.close_code == code
            assert time.monotonic() - began < 1.5


async def test_a_stranger_gets_in_by_a_link_alone(
    admin: TestClient, agents: dict[str, Agent], hub: Hub
) -> None:
    answer = await admin.post("/api/terminals/oslo~1/shares", json={"mode": "write"})
    assert answer.status == 201
    share = await answer.json()
    admin.session.cookie_jar.clear()
    assert (await admin.get("/ws?terminal_id=oslo~1", headers={"Upgrade": "websocket"})).status == 401
    assert (await admin.get("/api/terminals")).status == 401

    async with admin.ws_connect(f"/ws?share={share['token']}") as socket:
        assert (await socket.receive()).data == b"$ "
        assert len(hub.relays) == 1
    [passed] = agents["oslo"].queries
    assert passed["mode"] == "writer" and passed["viewer"] == f"link {share['id']}"
    assert "share" not in passed and share["token"] not in str(passed)


@pytest.mark.parametrize("what", ["link", "account"])
async def test_who_is_shut_out_while_a_terminal_opens_never_sees_it(
    admin: TestClient, agents: dict[str, Agent], what: str
) -> None:
    headers = await token_of_admin(admin)
    share = await (await admin.post("/api/terminals/oslo~1/shares", json={})).json()
    await admin.post("/api/users", json={"name": "eve", "password": PASSWORD, "role": "operator"})
    await admin.post("/api/auth/login", json={"username": "eve", "password": PASSWORD})
    query = f"share={share['token']}" if what == "link" else "vm_name=web-oslo"
    agents["oslo"].opens_late = True
    opening = asyncio.ensure_future(admin.ws_connect(f"/ws?{query}"))
    while not agents["oslo"].queries:
        await asyncio.sleep(0.01)
    gone = f"/api/terminals/oslo~1/shares/{share['id']}" if what == "link" else "/api/users/eve"
    assert (await admin.delete(gone, headers=headers)).status == 200
    await asyncio.sleep(1)  # what an end may take to be noticed

    agents["oslo"].released.set()

    with pytest.raises(WSServerHandshakeError) as refused:
        await opening
    assert refused.value.status == 401


@pytest.mark.usefixtures("agents")
async def test_an_agent_that_leaves_ones_limit_takes_its_terminals_and_links_along(admin: TestClient) -> None:
    headers = await token_of_admin(admin)
    await admin.patch("/api/agent/oslo", json={"tags": {"site": "lab"}})
    eve = {"name": "eve", "password": PASSWORD, "role": "operator", "tags": {"site": "lab"}}
    await admin.post("/api/users", json=eve)
    await admin.post("/api/auth/login", json={"username": "eve", "password": PASSWORD})
    share = await (await admin.post("/api/terminals/oslo~1/shares", json={"mode": "write"})).json()
    ways = ("/ws?terminal_id=oslo~1", f"/ws?share={share['token']}")
    sockets = [await admin.ws_connect(way) for way in ways]
    for socket in sockets:
        assert await socket.receive_bytes() == b"$ "

    await admin.patch("/api/agent/oslo", json={"tags": {"site": "office"}}, headers=headers)

    for socket in sockets:
        told = await socket.receive(timeout=2)
        assert (told.type, told.data) == (WSMsgType.CLOSE, 4401)
    for way in ways:
        with pytest.raises(WSServerHandshakeError) as refused:
            await admin.ws_connect(way)
        assert refused.value.status == 404


async def test_who_goes_while_a_terminal_opens_is_no_bug_of_ours(
    admin: TestClient, agents: dict[str, Agent], hub: Hub
) -> None:
    agents["oslo"].opens_late = True
    opening = asyncio.ensure_future(admin.ws_connect("/ws?terminal_id=oslo~1"))
    while not agents["oslo"].queries:
        await asyncio.sleep(0.01)
    opening.cancel()
    await asyncio.wait((opening,))

    with capture_logs() as logs:
        agents["oslo"].released.set()
        async with asyncio.timeout(5):
            while len(hub.relays):
                await asyncio.sleep(0.01)

    assert "request.bug" not in {each["event"] for each in logs}


async def token_of_admin(admin: TestClient) -> dict[str, str]:
    answer = await admin.post("/api/auth/tokens", json={"name": "all", "role": "admin"})
    return {"Authorization": f"Bearer {(await answer.json())['token']}"}


@pytest.mark.usefixtures("agents")
async def test_a_plain_request_tells_why_a_websocket_was_refused(admin: TestClient) -> None:
    """A browser hides what a refused WebSocket was answered."""
    share = await (await admin.post("/api/terminals/oslo~1/shares", json={})).json()
    told = {
        address: (await (await admin.get(f"/ws?{address}")).json())["code"]
        for address in (
            "terminal_id=oslo~1",
            "terminal_id=rome~1",
            f"share={share['token']}",
            "share=bts_invented",
        )
    }

    assert list(told.values()) == [
        "invalid-request",  # that it was no WebSocket is all that is wrong
        "not-found",
        "invalid-request",
        "not-authenticated",
    ]
