"""Shells on real pseudo-terminals, seen through real WebSockets."""

import asyncio
import gc
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest
from aiohttp import WSMsgType, web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from batwa_agent.agent import Agent, running
from batwa_agent.app import make_app
from batwa_agent.reload import changes
from batwa_agent.settings import Settings
from batwa_common.wire.vm import VmState
from tests.agent.fakes import FakeDriver

Client = TestClient[web.Request, web.Application]
Socket = aiohttp.ClientWebSocketResponse[bool]
KEY = {"X-API-Key": "secret"}


@pytest.fixture
def driver() -> FakeDriver:
    return FakeDriver(a="Running", b="Running", off="Stopped", old="Deleted", boot="Starting")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BATWA_AGENT_TERMINAL__LIMIT", "25")
    monkeypatch.setenv("BATWA_AGENT_TERMINAL__SURVIVE", "false")
    return Settings.load({"agent_id": "here", "api_key": "secret", "data_dir": tmp_path / "data"})


@pytest.fixture
async def agent(settings: Settings, driver: FakeDriver) -> AsyncIterator[Agent]:
    async with running(settings, driver) as agent:
        await agent.watcher.look()
        yield agent


@pytest.fixture
async def client(agent: Agent, aiohttp_client: AiohttpClient) -> AsyncIterator[Client]:
    client = await aiohttp_client(make_app(agent))
    yield client
    await client.close()


async def shell(client: Client, vm: str = "a", more: str = "") -> Socket:
    patience = aiohttp.ClientWSTimeout(ws_close=0.2)
    return await client.ws_connect(f"/ws?vm_name={vm}{more}", headers=KEY, max_msg_size=0, timeout=patience)


async def until(socket: Socket, text: bytes, within_s: float = 10) -> bytes:
    """Return the output up to *text*."""
    seen = bytearray()
    async with asyncio.timeout(within_s):
        while text not in seen:
            message = await socket.receive()
            assert message.type is WSMsgType.BINARY, (message, bytes(seen))
            seen += message.data
    return bytes(seen)


async def closing(socket: Socket) -> tuple[int | None, str]:
    async with asyncio.timeout(10):
        while (message := await socket.receive()).type is WSMsgType.BINARY:
            pass
    return socket.close_code, str(message.extra or "")


async def nothing_open(agent: Agent) -> None:
    for _ in range(1000):
        if not len(agent.terminals):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(agent.terminals)} terminals are still open")


async def test_what_is_typed_reaches_the_shell_and_its_output_comes_back(client: Client) -> None:
    async with await shell(client) as socket:
        await socket.send_str("echo $((6*7))\n")
        await until(socket, b"42\r\n")
        await socket.send_bytes("echo 'grüße 🌍'\n".encode())
        await until(socket, "\ngrüße 🌍\r\n".encode())


async def test_the_shell_knows_its_size_and_learns_a_new_one(client: Client, driver: FakeDriver) -> None:
    driver.argv = ("sh", "-c", "trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done")
    async with await shell(client, more="&rows=30&cols=100") as socket:
        await until(socket, b"30 100\r\n")
        await socket.send_str('{"type":"resize","rows":41,"cols":121}')
        await until(socket, b"41 121\r\n")


@pytest.mark.parametrize(
    "keys",
    ['{"type":"resize","rows":0,"cols":80}', '{"type":"resize"}', "{}", '{"a":1}', "{", '["resize"]'],
)
async def test_what_is_no_resize_is_keys(client: Client, driver: FakeDriver, keys: str) -> None:
    driver.argv = ("sh", "-c", "stty raw -echo; echo ready; cat")
    async with await shell(client) as socket:
        await until(socket, b"ready")
        await socket.send_str(keys)
        await until(socket, keys.encode())


async def test_a_binary_resize_is_keys(client: Client, driver: FakeDriver) -> None:
    driver.argv = ("sh", "-c", "stty raw -echo; echo ready; cat")
    async with await shell(client) as socket:
        await until(socket, b"ready")
        await socket.send_bytes(b'{"type":"resize","rows":41,"cols":121}')
        await until(socket, b'"cols":121}')


async def test_the_shell_has_a_terminal_of_its_own_and_none_of_our_secrets(
    client: Client, driver: FakeDriver
) -> None:
    look = (
        "echo tty=$(ps -o tty= -p $$) term=$TERM; env | grep -c ^BATWA_; ls -l /proc/$$/fd | grep -c socket:"
    )
    driver.argv = ("sh", "-c", f"{look}; echo .")
    async with await shell(client) as socket:
        first, second, third, *_ = (await until(socket, b".\r\n")).split(b"\r\n")
    assert first.startswith(b"tty=pts/") and first.endswith(b"term=xterm-256color")
    assert second == b"0"
    assert third == b"0"


async def test_control_c_interrupts_what_runs(client: Client, driver: FakeDriver) -> None:
    driver.argv = ("sh", "-c", "trap 'echo stopped; exit' INT; echo ready; while :; do sleep 0.05; done")
    async with await shell(client) as socket:
        await until(socket, b"ready")
        await socket.send_bytes(b"\x03")
        await until(socket, b"stopped")
        assert (await closing(socket))[0] == 1000


async def test_the_end_of_the_shell_closes_the_socket_after_its_last_words(
    client: Client, agent: Agent
) -> None:
    async with await shell(client) as socket:
        await socket.send_str("stty -echo; head -c 300000 /dev/zero | tr '\\0' x; exit 3\n")
        async with asyncio.timeout(10):
            seen = b"".join([message.data async for message in socket])
        assert seen.count(b"x") >= 300_000
        assert socket.close_code == 1000
    await nothing_open(agent)


async def test_a_browser_that_leaves_takes_its_shell_with_it(client: Client, agent: Agent) -> None:
    socket = await shell(client)
    await socket.send_str("trap '' HUP; echo $$ is-$((1+1))\n")
    found = re.search(rb"(\d+) is-2", await until(socket, b" is-2"))
    assert found is not None
    pid = int(found[1])
    await socket.close()
    await nothing_open(agent)
    assert not psutil.pid_exists(pid)


async def test_a_stopping_agent_says_so(client: Client, agent: Agent) -> None:
    async with await shell(client) as socket:
        await socket.send_str("echo here\n")
        await until(socket, b"here")
        await agent.terminals.stop()
        assert (await closing(socket))[0] == 1001
        refused = await client.get("/ws?vm_name=a", headers={**KEY, "Upgrade": "websocket"})
        assert refused.status == 503


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("vm_name=nobody", 404, "no VM 'nobody'"),
        ("", 404, "no VM ''"),
        ("vm_name=off", 409, "is Stopped; start it first"),
        ("vm_name=old", 409, "in the trash"),
        ("vm_name=boot", 409, "is Starting; wait"),
        ("vm_name=a&rows=0", 400, "rows: "),
        ("vm_name=a&cols=1001", 400, "cols: "),
        ("vm_name=a&rows=%C2%B2", 400, "rows: "),
    ],
)
async def test_what_cannot_be_is_refused_before_the_upgrade(
    client: Client, query: str, status: int, sentence: str
) -> None:
    response = await client.get(f"/ws?{query}", headers={**KEY, "Upgrade": "websocket"})
    assert response.status == status
    assert sentence in (await response.json())["detail"]


async def test_a_shell_that_cannot_be_started_is_a_bad_gateway(client: Client, driver: FakeDriver) -> None:
    driver.argv = ("no-such-program",)
    response = await client.get("/ws?vm_name=a", headers={**KEY, "Upgrade": "websocket"})
    assert (response.status, (await response.json())["code"]) == (502, "driver-unavailable")


async def test_an_ordinary_request_is_told_what_this_is(client: Client, agent: Agent) -> None:
    assert (await client.get("/ws?vm_name=a", headers=KEY)).status == 400
    half = {**KEY, "Upgrade": "websocket"}
    assert (await client.get("/ws?vm_name=a", headers=half)).status == 400
    await nothing_open(agent)


async def test_only_so_many_terminals_are_open(client: Client, agent: Agent) -> None:
    sockets = [await shell(client) for _ in range(25)]
    response = await client.get("/ws?vm_name=a", headers={**KEY, "Upgrade": "websocket"})
    assert response.status == 503 and "25 terminals are open" in (await response.json())["detail"]
    await asyncio.gather(*(socket.close() for socket in sockets))
    await nothing_open(agent)


async def test_a_viewer_that_does_not_read_stops_its_shell_and_fills_no_memory(
    client: Client, driver: FakeDriver
) -> None:
    driver.argv = ("sh", "-c", "yes 0123456789; true")
    lazy = await shell(client)
    await until(lazy, b"0123456789")
    connection = (
        lazy._response.connection
    )  # what a browser that stops reading does is not in the client's API
    assert connection is not None and connection.transport is not None
    transport = connection.transport
    transport.pause_reading()
    before = await settled_bytes()
    after = await settled_bytes()
    assert after - before < 2 << 20
    async with await shell(client, "b") as other:
        await until(other, b"0123456789")
    transport.resume_reading()
    seen = b"".join([await until(lazy, b"0123456789") for _ in range(50)])
    assert set(seen) <= set(b"0123456789\r\n")
    await lazy.close()


async def settled_bytes() -> int:
    await asyncio.sleep(0.5)
    gc.collect()
    return psutil.Process().memory_info().rss


async def test_a_paste_that_nobody_reads_waits_and_fills_no_memory(
    client: Client, driver: FakeDriver
) -> None:
    driver.argv = ("sh", "-c", "stty raw -echo; echo ready; sleep 60")
    async with await shell(client) as socket:
        await until(socket, b"ready")
        before = psutil.Process().memory_info().rss
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await paste(socket, 250 << 20)
        assert psutil.Process().memory_info().rss - before < 16 << 20  # both ends live in this process


async def paste(socket: Socket, size: int) -> None:
    for _ in range(size >> 16):
        await socket.send_bytes(b"x" * (1 << 16))


async def test_a_long_paste_arrives_whole(client: Client, driver: FakeDriver) -> None:
    driver.argv = ("sh", "-c", "stty raw -echo; echo ready; head -c 3000000 | cksum; read x")
    async with await shell(client) as socket:
        await until(socket, b"ready")
        for _ in range(3):
            await socket.send_bytes(b"y" * 1_000_000)
        assert b" 3000000" in await until(socket, b" 3000000")


async def test_a_deaf_terminal_delays_no_other(client: Client, driver: FakeDriver) -> None:
    driver.argv = ("sh", "-c", "stty raw -echo; echo ready; sleep 60")
    async with await shell(client) as deaf:
        await until(deaf, b"ready")
        pasting = asyncio.create_task(deaf.send_bytes(b"x" * 900_000))
        driver.argv = ("sh", "-c", "stty raw -echo; echo ready; cat")
        async with await shell(client, "b") as quick:
            await until(quick, b"ready")
            await quick.send_str("hi")
            await until(quick, b"hi", within_s=1)
        pasting.cancel()
        await asyncio.gather(pasting, return_exceptions=True)


async def test_a_quiet_terminal_does_not_wait_behind_those_that_flood(
    client: Client, driver: FakeDriver
) -> None:
    driver.argv = ("sh", "-c", "stty raw -echo; echo ready; cat")
    async with await shell(client) as quiet:
        await until(quiet, b"ready")
        driver.argv = ("yes", "0123456789" * 10)
        floods = [await shell(client, "b") for _ in range(10)]
        drains = [asyncio.create_task(drain(flood)) for flood in floods]
        delays = []
        for _ in range(100):
            began = time.perf_counter()
            await quiet.send_str("k")
            await until(quiet, b"k")
            delays.append(time.perf_counter() - began)
        delays.sort()
        sys.stderr.write(f"echo beside 10 floods, client in the same process: {delays[50] * 1000:.2f} ms\n")
        assert delays[50] < 0.25
        for task in drains:
            task.cancel()
        await asyncio.gather(*drains, return_exceptions=True)
        await asyncio.gather(*(flood.close() for flood in floods))


async def drain(socket: Socket) -> None:
    async for _ in socket:
        pass


async def test_a_ping_is_answered(client: Client) -> None:
    socket = await client.ws_connect("/ws?vm_name=a", headers=KEY, autoping=False)
    await socket.ping(b"are you there")
    async with asyncio.timeout(5):
        while (message := await socket.receive()).type is not WSMsgType.PONG:
            pass
    assert message.data == b"are you there"
    await socket.close()


async def test_a_message_beyond_the_bound_closes_the_socket_and_spares_the_shell(
    client: Client, agent: Agent
) -> None:
    async with await shell(client) as socket:
        await socket.send_bytes(b"x" * ((1 << 20) + 1))
        assert (await closing(socket))[0] == 1009
    assert len(agent.terminals) == 1


STATES: list[VmState] = ["Suspended", "Unknown", "Restarting", "Suspending"]


@pytest.mark.parametrize("state", STATES)
async def test_only_a_running_vm_has_shells(
    client: Client, agent: Agent, driver: FakeDriver, state: VmState
) -> None:
    driver.vms["a"] = state
    await agent.watcher.look()
    response = await client.get("/ws?vm_name=a", headers={**KEY, "Upgrade": "websocket"})
    assert response.status == 409


async def test_a_limit_that_is_read_again_holds_for_the_next_terminal(
    settings: Settings, agent: Agent, client: Client
) -> None:
    none = settings.terminal.model_copy(update={"limit": 0})
    changes(agent)["terminal.limit"](settings.model_copy(update={"terminal": none}))
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await shell(client)
    assert refused.value.status == 503
