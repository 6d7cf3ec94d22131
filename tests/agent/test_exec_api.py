"""Commands and recordings over the agent's own HTTP, with the simulator behind it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from batwa_agent.agent import multipass, running
from batwa_agent.app import make_app
from batwa_agent.settings import Settings
from batwa_common.wire.vm import CreateVm

KEY = "secret"
BIN = Path(sys.executable).parent


@pytest.fixture
async def client(
    tmp_path: Path, aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TestClient]:
    monkeypatch.setenv("MULTIPASS_SIM_HOME", str(tmp_path / "sim"))
    monkeypatch.setenv("MULTIPASS_SIM_LAUNCH_S", "0.1")
    flags: dict[str, Any] = {"agent_id": "oslo", "api_key": KEY, "data_dir": tmp_path / "data"}
    flags |= {"multipass": str(BIN / "multipass-sim"), "terminal": {"survive": False}}
    settings = await asyncio.to_thread(Settings.load, flags)
    driver = multipass(settings)
    await driver.launch(CreateVm(name="web"), lambda _: None)
    async with running(settings, driver) as agent:
        await agent.watcher.look()
        yield await aiohttp_client(make_app(agent), headers={"X-API-Key": KEY})


async def test_a_command_and_its_refusals(client: TestClient) -> None:
    answer = await client.post(
        "/api/vm/web/exec", json={"command": ["sh", "-c", "cat; exit 4"], "stdin": "a"}
    )
    told = {"exit_code": 4, "stdout": "a", "stderr": "", "timed_out": False, "truncated": False}
    assert await answer.json() == told

    assert (await client.post("/api/vm/nowhere/exec", json={"command": ["true"]})).status == 404
    assert (await client.post("/api/vm/web/exec", json={"command": []})).status == 400
    assert (await client.get("/ws/exec?vm_name=web")).status == 400


async def test_a_vm_that_has_just_stopped_is_not_started_again(client: TestClient) -> None:
    assert (await client.post("/api/vm/stop", json={"name": "web"})).status == 200

    assert (await client.post("/api/vm/web/exec", json={"command": ["true"]})).status == 409
    told = (await (await client.get("/api/vm/list")).json())["vms"]
    assert [vm["state"] for vm in told] == ["Stopped"]


async def streamed(client: TestClient, *messages: Any) -> tuple[list[Any], int | None]:
    async with client.ws_connect("/ws/exec?vm_name=web") as socket:
        for message in messages:
            await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_json(message))
        told = [message async for message in socket]
        got = [each.data if each.type is WSMsgType.BINARY else json.loads(each.data) for each in told]
        return got, socket.close_code


async def test_a_streamed_command_tells_its_streams_apart(client: TestClient) -> None:
    run = {"type": "run", "command": ["sh", "-c", "read x; echo $x; read y; echo $y >&2"]}
    got, code = await streamed(client, run, b"\x00a\n", b"\x00b\n", {"type": "stdin-end"})

    assert got[0] == {"type": "started"} and set(got[1:-1]) == {b"\x01a\n", b"\x02b\n"}
    assert got[-1] == {"type": "exit", "exit_code": 0, "timed_out": False} and code == 1000


async def test_a_streamed_commands_time_can_be_up(client: TestClient) -> None:
    got, code = await streamed(client, {"type": "run", "command": ["sleep", "60"], "timeout_s": 0.2})

    assert got[-1] == {"type": "exit", "exit_code": 143, "timed_out": True} and code == 1000


@pytest.mark.parametrize("first", [b"\x00ls", {"type": "run", "command": "ls"}, {"type": "jump"}])
async def test_a_first_message_that_runs_nothing_is_told_so(client: TestClient, first: Any) -> None:
    got, code = await streamed(client, first)

    assert [each["code"] for each in got] == ["invalid-request"] and code == 4400


async def test_a_recorded_terminal_with_its_keys(client: TestClient) -> None:
    order = {"vm_name": "web", "command": ["cat"], "record": True, "record_input": True}
    terminal = await (await client.post("/api/terminals", json=order)).json()
    async with client.ws_connect(f"/ws?terminal_id={terminal['id']}") as socket:
        await socket.send_bytes(b"keys\n\x04")
        async for _ in socket:
            pass
    await client.delete(f"/api/terminals/{terminal['id']}")
    path = f"/api/recordings/{terminal['recording_id']}"
    while (meta := await (await client.get(path)).json())["state"] != "ended":
        pass

    lines = (await (await client.get(f"{path}/cast")).text()).splitlines()

    assert meta["has_input"] and meta["exit_code"] == 0
    events = [json.loads(line)[1:] for line in lines[1:]]
    assert "".join(text for kind, text in events if kind == "i") == "keys\n\x04"
    assert "keys\r\n" in "".join(text for kind, text in events if kind == "o")
    assert (await client.delete(path)).status == 200
    assert (await client.get(path)).status == 404
