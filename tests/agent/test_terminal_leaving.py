"""Whoever comes or goes ends nothing for others; as in use, a lost connection cancels no handler."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from batwa_agent.agent import Agent, running
from batwa_agent.app import make_app
from batwa_agent.settings import Settings
from batwa_agent.terminals.terminal import Terminal
from tests.agent.fakes import FakeDriver

KEY = {"X-API-Key": "secret"}
MUCH = "printf '\\033[31mword \\033[0m%.0s' $(seq 20000); echo done; exec cat"


class AsItRuns(TestServer):
    """The test server cancels handlers of connections that are lost; ours does not."""

    async def _make_runner(self, **options: Any) -> web.BaseRunner:
        return await super()._make_runner(**{**options, "handler_cancellation": False})


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BATWA_AGENT_TERMINAL__SURVIVE", "false")
    return Settings.load({"agent_id": "here", "api_key": "secret", "data_dir": tmp_path / "data"})


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Agent]:
    driver = FakeDriver(a="Running")
    driver.argv = ("sh", "-c", MUCH)
    async with running(settings, driver) as agent:
        await agent.watcher.look()
        yield agent


@pytest.fixture
async def server(agent: Agent) -> AsyncIterator[AsItRuns]:
    async with AsItRuns(make_app(agent)) as server:
        yield server


@pytest.fixture
async def session(server: AsItRuns) -> AsyncIterator[ClientSession]:
    async with ClientSession(server.make_url("/"), headers=KEY) as session:
        yield session


async def opened(agent: Agent, session: ClientSession) -> tuple[Any, Terminal]:
    """Open a terminal in the documented protocol, which ends it when its last viewer closes."""
    first = await session.ws_connect("/ws?vm_name=a", max_msg_size=0)
    async with asyncio.timeout(10):
        while b"done" not in (await first.receive()).data:
            pass
    [terminal] = agent.terminals.all()
    return first, terminal


async def test_who_vanishes_on_the_way_in_ends_nothing(
    agent: Agent, server: AsItRuns, session: ClientSession
) -> None:
    first, terminal = await opened(agent, session)
    await first.close(code=1001)
    head = (
        f"GET /ws?terminal_id={terminal.record.id} HTTP/1.1\r\nHost: x\r\nX-API-Key: secret\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    for _ in range(5):
        with socket.create_connection((server.host or "", server.port or 0)) as connection:
            connection.sendall(head.encode())
        await asyncio.sleep(0.1)

    assert agent.terminals.get(terminal.record.id).ending is None
    await agent.terminals.end(terminal)


async def test_who_leaves_ends_nothing_for_whom_the_screen_is_being_drawn_for(
    agent: Agent, session: ClientSession
) -> None:
    first, terminal = await opened(agent, session)
    path = f"/ws?terminal_id={terminal.record.id}"
    second = await session.ws_connect(path, protocols=["batwa.v1"], max_msg_size=0)
    assert not terminal.viewers[1:]  # the first alone: for the second the screen is not drawn yet

    await first.close()

    async with asyncio.timeout(10):
        while len(terminal.viewers) != 1 or terminal.viewers[0].about.mode != "owner":
            await asyncio.sleep(0.01)
    assert terminal.ending is None
    await agent.terminals.end(terminal)
    await second.close()
