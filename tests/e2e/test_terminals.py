"""Terminals through a hub and agents as real processes: shared, revoked, recorded, and outliving the hub."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from .fleet import PASSWORD, Fleet
from .test_faults import agent_status, until

V1 = ("batwa.v1",)


async def call(session: aiohttp.ClientSession, method: str, path: str, body: object = None) -> Any:
    async with session.request(method, path, json=body) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json()


@pytest.fixture
async def admin(mended_fleet: Fleet) -> AsyncIterator[aiohttp.ClientSession]:
    async with mended_fleet.admin() as session:
        await call(session, "POST", "/api/vm/create", {"name": "web", "agent_id": "oslo"})
        yield session


@pytest.fixture
async def stranger(mended_fleet: Fleet) -> AsyncIterator[aiohttp.ClientSession]:
    async with mended_fleet.session() as session:
        yield session


async def open_terminal(session: aiohttp.ClientSession, **more: object) -> str:
    told = await call(session, "POST", "/api/terminals", {"vm_name": "web", **more})
    assert told["agent_id"] == "oslo" and told["agent_hostname"] == "oslo-host"
    return str(told["id"])


class Screen:
    """A viewer that counts offsets as the protocol says."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen = b""
        self.offset = 0
        self.hello: Any = None

    async def until(self, wanted: bytes, within_s: float = 15) -> None:
        async with asyncio.timeout(within_s):
            while wanted not in self.seen:
                assert await self.take(), (self.socket.close_code, self.seen[-500:])

    async def take(self) -> bool:
        message = await self.socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            self.seen += message.data
            self.offset += len(message.data)
            await self.socket.send_str(json.dumps({"type": "ack", "offset": self.offset}))
        elif message.type is aiohttp.WSMsgType.TEXT:
            told = json.loads(message.data)
            if told["type"] == "hello":
                self.hello, self.offset = told, told["offset"]
            elif told["type"] == "skip":
                self.offset = told["offset"]
        else:
            return False
        return True

    async def closed(self, within_s: float = 10) -> int | None:
        async with asyncio.timeout(within_s):
            while await self.take():
                pass
        return self.socket.close_code

    async def type(self, text: str) -> None:
        await self.socket.send_bytes(text.encode())


async def watch(session: aiohttp.ClientSession, query: str) -> Screen:
    socket = await session.ws_connect(f"/ws?{query}", protocols=V1)
    assert socket.protocol == "batwa.v1"
    return Screen(socket)


async def watch_soon(session: aiohttp.ClientSession, query: str) -> Screen:
    """Attach as soon as the hub has heard from the agent again."""
    async with asyncio.timeout(15):
        while True:
            try:
                return await watch(session, query)
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0.1)


async def test_a_terminal_is_opened_listed_and_ended(admin: aiohttp.ClientSession) -> None:
    terminal_id = await open_terminal(admin)

    listed = await call(admin, "GET", "/api/terminals")
    assert [each["id"] for each in listed["terminals"]] == [terminal_id] and not listed["unanswered"]
    viewer = await watch(admin, f"terminal_id={terminal_id}")
    await viewer.type("echo $((6 * 7))\n")
    await viewer.until(b"42\r\n")
    told = await call(admin, "GET", f"/api/terminals/{terminal_id}")
    assert [(each["name"], each["mode"]) for each in told["viewers"]] == [("admin", "owner")]

    assert (await call(admin, "DELETE", f"/api/terminals/{terminal_id}"))["state"] == "exited"
    assert await viewer.closed() == 4410


async def test_a_stranger_watches_by_a_link_and_cannot_type(
    admin: aiohttp.ClientSession, stranger: aiohttp.ClientSession, mended_fleet: Fleet
) -> None:
    terminal_id = await open_terminal(admin)
    share = await call(admin, "POST", f"/api/terminals/{terminal_id}/shares", {"mode": "read"})
    mine = await watch(admin, f"terminal_id={terminal_id}")
    theirs = await watch(stranger, f"share={share['token']}")
    await theirs.type("echo intruder\n")
    await mine.type("echo shown\n")
    await theirs.until(b"shown\r\n")
    await mine.until(b"shown\r\n")

    assert theirs.hello["mode"] == "reader" and b"intruder" not in mine.seen
    [listed] = await call(admin, "GET", f"/api/terminals/{terminal_id}/shares")
    assert len(listed["viewers"]) == 1 and "token" not in listed
    began = time.monotonic()
    await call(admin, "DELETE", f"/api/terminals/{terminal_id}/shares/{share['id']}")
    assert await theirs.closed() == 4401
    assert time.monotonic() - began < 1.5
    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        await watch(stranger, f"share={share['token']}")
    await mine.type("echo still here\n")
    await mine.until(b"still here\r\n")
    logs = mended_fleet.hub.log_text() + mended_fleet.agents["oslo"].log_text()
    assert share["token"] not in logs and share["token"][4:] not in logs


async def test_a_link_to_type_lets_a_stranger_type_until_it_expires(
    admin: aiohttp.ClientSession, stranger: aiohttp.ClientSession
) -> None:
    terminal_id = await open_terminal(admin)
    asked = {"mode": "write", "expires_in_s": 3}
    share = await call(admin, "POST", f"/api/terminals/{terminal_id}/shares", asked)
    theirs = await watch(stranger, f"share={share['token']}")
    await theirs.type("echo $((6 * 7))\n")
    await theirs.until(b"42\r\n")

    assert await theirs.closed() == 4401
    assert (await call(admin, "GET", f"/api/terminals/{terminal_id}"))["state"] == "running"


async def test_logging_out_closes_what_was_open_within_a_second(
    admin: aiohttp.ClientSession, mended_fleet: Fleet
) -> None:
    terminal_id = await open_terminal(admin)
    async with mended_fleet.admin() as other:
        viewer = await watch(other, f"terminal_id={terminal_id}")
        await viewer.type("echo $((6 * 7))\n")
        await viewer.until(b"42\r\n")
        began = time.monotonic()
        await call(other, "POST", "/api/auth/logout")
        assert await viewer.closed() == 4401
        assert time.monotonic() - began < 1.5


async def test_a_viewer_by_role_only_watches(admin: aiohttp.ClientSession, mended_fleet: Fleet) -> None:
    terminal_id = await open_terminal(admin)
    account = {"name": "eve", "password": PASSWORD, "role": "viewer"}
    await call(admin, "POST", "/api/users", account)
    async with mended_fleet.session() as eve:
        await call(eve, "POST", "/api/auth/login", {"username": "eve", "password": PASSWORD})
        viewer = await watch(eve, f"terminal_id={terminal_id}&rows=5&cols=20")
        await viewer.take()
        assert viewer.hello["mode"] == "reader"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await watch(eve, "vm_name=web")
        await viewer.socket.close()


async def test_a_recording_is_downloaded_whole_and_valid(admin: aiohttp.ClientSession) -> None:
    terminal_id = await open_terminal(admin, record=True)
    viewer = await watch(admin, f"terminal_id={terminal_id}&rows=30&cols=100")
    await viewer.type("seq 1 20000; echo '€'; exit 3\n")
    await viewer.closed(20)
    told = await call(admin, "GET", f"/api/terminals/{terminal_id}")
    assert told["exit_code"] == 3
    async with asyncio.timeout(10):
        while (meta := await call(admin, "GET", f"/api/recordings/{told['recording_id']}"))[
            "state"
        ] != "ended":
            await asyncio.sleep(0.1)
    [listed] = (await call(admin, "GET", "/api/recordings"))["recordings"]
    async with admin.get(f"/api/recordings/{listed['id']}/cast") as answer:
        cast = (await answer.read()).decode()

    assert listed == meta and meta["agent_id"] == "oslo" and meta["exit_code"] == 3
    assert len(cast.encode()) == meta["size_bytes"]
    head, *rest = [json.loads(line) for line in cast.splitlines()]
    shown = "".join(text for _, kind, text in rest if kind == "o")
    assert head["version"] == 2 and "\r\n19999\r\n20000\r\n€\r\n" in shown
    assert [0, "r", "100x30"][1:] in [event[1:] for event in rest]
    assert not any(kind == "i" for _, kind, _ in rest)
    await call(admin, "DELETE", f"/api/recordings/{listed['id']}")
    assert not (await call(admin, "GET", "/api/recordings"))["recordings"]


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_the_shell_outlives_the_hub_and_no_byte_is_lost(
    admin: aiohttp.ClientSession, mended_fleet: Fleet, how: str
) -> None:
    terminal_id = await open_terminal(admin)
    viewer = await watch(admin, f"terminal_id={terminal_id}&offset=0")
    await viewer.type(
        "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; sleep 0.001; done; echo en''d\n"
    )
    await viewer.until(b"line 100\r\n")
    if how == "kill":
        mended_fleet.hub.kill()
        await viewer.closed()
    else:
        stopping = asyncio.create_task(asyncio.to_thread(mended_fleet.hub.stop))
        assert await viewer.closed() == 1001
        await stopping
    await asyncio.to_thread(mended_fleet.hub.start)

    again = await watch_soon(admin, f"terminal_id={terminal_id}&offset={viewer.offset}")
    again.seen = viewer.seen
    await again.until(b"\r\nend\r\n", 40)
    numbers = [int(number) for number in re.findall(rb"line (\d+)\r\n", again.seen)]
    assert numbers == list(range(1, 3001))
    await again.socket.close()


async def test_commands_run_with_their_own_exit_code_and_stream(admin: aiohttp.ClientSession) -> None:
    script = {"command": ["sh", "-c", "cat; echo oops >&2; exit 4"], "stdin": "€"}
    told = await call(admin, "POST", "/api/vm/web/exec", script)
    assert (told["exit_code"], told["stdout"], told["stderr"]) == (4, "€", "oops\n")

    async with admin.ws_connect("/ws/exec?vm_name=web") as socket:
        await socket.send_json({"type": "run", "command": ["sh", "-c", "cat; echo done >&2; exit 7"]})
        await socket.send_bytes(b"\x00hello")
        await socket.send_json({"type": "stdin-end"})
        got: dict[int, bytes] = {1: b"", 2: b""}
        texts = []
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                got[message.data[0]] += message.data[1:]
            else:
                texts.append(json.loads(message.data))
        assert got == {1: b"hello", 2: b"done\n"} and socket.close_code == 1000
        assert texts == [{"type": "started"}, {"type": "exit", "exit_code": 7, "timed_out": False}]
    noted = await call(admin, "GET", "/api/audit?action=/ws/exec&target=web")
    ran = ["sh", "-c", "cat; echo done >&2; exit 7"]
    assert ran in [each["details"].get("command") for each in noted["records"]]


async def test_one_command_in_many_vms_gives_one_result_each(admin: aiohttp.ClientSession) -> None:
    await call(admin, "POST", "/api/vm/create", {"name": "db"})
    await call(admin, "POST", "/api/vm/create", {"name": "off"})
    await call(admin, "POST", "/api/vm/stop", {"name": "off"})
    asked = {"filter": {"state": None}, "command": ["sh", "-c", "hostname; exit 5"]}
    told = (await call(admin, "POST", "/api/exec", asked))["results"]

    assert {each["vm_name"]: (each["exit_code"], each["code"]) for each in told} == {
        "db": (5, None),
        "off": (None, "vm-state-conflict"),
        "web": (5, None),
    }
    assert [each["agent_id"] for each in told] == [None, None, "oslo"]
    asked["filter"] = {"q": "WE"}
    assert [each["vm_name"] for each in (await call(admin, "POST", "/api/exec", asked))["results"]] == ["web"]
    async with admin.post("/api/vm/off/exec", json={"command": ["true"]}) as answer:
        assert answer.status == 409
    assert (await call(admin, "GET", "/api/vm/info/off"))["info"]["state"] == "Stopped"


async def test_a_viewer_whose_connection_is_half_open_is_noticed_within_20_s(
    admin: aiohttp.ClientSession,
) -> None:
    terminal_id = await open_terminal(admin)

    async def viewers() -> int:
        return len((await call(admin, "GET", f"/api/terminals/{terminal_id}"))["viewers"])

    # answers no ping, as a laptop that has gone to sleep; its connection stays
    gone = await admin.ws_connect(f"/ws?terminal_id={terminal_id}", protocols=V1, autoping=False)
    there = await watch(admin, f"terminal_id={terminal_id}")
    assert await viewers() == 2
    began = time.monotonic()
    async with asyncio.timeout(25):
        while await viewers() > 1:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    assert await there.take()
    assert time.monotonic() - began < 20
    await there.type("echo still he''re\n")
    await there.until(b"still here")
    await gone.close()


async def test_a_viewer_that_only_watches_is_idle_and_closed_and_the_shell_goes_on(fleet: Fleet) -> None:
    fleet.hub.stop()
    fleet.env["BATWA_HUB_TERMINAL__IDLE_TIMEOUT_S"] = "8"
    fleet.hub.start()
    async with fleet.admin() as session:
        await until(lambda: agent_status(session, "oslo"), "online")
        await call(session, "POST", "/api/vm/create", {"name": "web", "agent_id": "oslo"})
        terminal_id = await open_terminal(session)
        socket = await session.ws_connect(f"/ws?terminal_id={terminal_id}")
        await socket.send_str("while sleep 0.2; do head -c 20000 /dev/zero | tr '\\0' .; done\n")
        async with asyncio.timeout(20):
            while (await socket.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
        assert socket.close_code == 4408
        assert (await call(session, "GET", f"/api/terminals/{terminal_id}"))["state"] == "running"
        await call(session, "DELETE", f"/api/terminals/{terminal_id}")
