"""Several viewers of one terminal, in `batwa.v1` and in the documented protocol, on real pseudo-terminals."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pyte
import pytest
from aiohttp import WSMsgType, web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from batwa_agent.agent import Agent, running
from batwa_agent.app import make_app
from batwa_agent.settings import Settings
from tests.agent.fakes import FakeDriver

Client = TestClient[web.Request, web.Application]
KEY = {"X-API-Key": "secret"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BATWA_AGENT_TERMINAL__SURVIVE", "false")
    monkeypatch.setenv("BATWA_AGENT_TERMINAL__KEEP_BYTES", str(256 << 10))
    return Settings.load({"agent_id": "here", "api_key": "secret", "data_dir": tmp_path / "data"})


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Agent]:
    async with running(settings, FakeDriver(a="Running")) as agent:
        await agent.watcher.look()
        yield agent


@pytest.fixture
async def client(agent: Agent, aiohttp_client: AiohttpClient) -> AsyncIterator[Client]:
    client = await aiohttp_client(make_app(agent))
    yield client
    await client.close()


class Viewer:
    """One end of `batwa.v1`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool], *, acks: bool = True) -> None:
        self.socket = socket
        self.acks = acks
        self.offset = 0
        self.output = bytearray()
        self.told: list[dict[str, Any]] = []

    async def step(self) -> bool:
        """Take one message; False when it was the last."""
        message = await self.socket.receive()
        if message.type is WSMsgType.BINARY:
            self.output += message.data
            self.offset += len(message.data)
            if self.acks:
                await self.say(type="ack", offset=self.offset)
        elif message.type is WSMsgType.TEXT:
            told = json.loads(message.data)
            self.told.append(told)
            if told["type"] in {"hello", "skip"}:
                self.offset = told["offset"]
        return message.type in {WSMsgType.BINARY, WSMsgType.TEXT}

    async def until(self, text: bytes) -> bytes:
        async with asyncio.timeout(10):
            while text not in self.output:
                assert await self.step(), (self.socket.close_code, bytes(self.output[-200:]))
        return bytes(self.output)

    async def hears(self, kind: str) -> dict[str, Any]:
        """Return the next message of that kind, from those not asked for yet."""
        async with asyncio.timeout(10):
            while True:
                for told in self.told:
                    if told["type"] == kind:
                        self.told.remove(told)
                        return told
                assert await self.step(), f"closed with {self.socket.close_code} before {kind}"

    async def end(self) -> int | None:
        async with asyncio.timeout(15):
            while await self.step():
                pass
        return self.socket.close_code

    async def say(self, **message: object) -> None:
        await self.socket.send_str(json.dumps(message))

    async def type(self, data: bytes) -> None:
        await self.socket.send_bytes(data)


async def opened(client: Client, *command: str, **more: object) -> str:
    body = {"vm_name": "a", **({"command": list(command)} if command else {}), **more}
    response = await client.post("/api/terminals", json=body, headers=KEY)
    assert response.status == 201, await response.text()
    return str((await response.json())["id"])


async def viewer(client: Client, terminal_id: str, more: str = "", *, acks: bool = True) -> Viewer:
    socket = await client.ws_connect(
        f"/ws?terminal_id={terminal_id}{more}", headers=KEY, protocols=["batwa.v1"], max_msg_size=0
    )
    assert socket.protocol == "batwa.v1"
    return Viewer(socket, acks=acks)


async def about(client: Client, terminal_id: str) -> dict[str, Any]:
    response = await client.get(f"/api/terminals/{terminal_id}", headers=KEY)
    return dict(await response.json())


async def until_true(client: Client, terminal_id: str, what: str, value: object) -> dict[str, Any]:
    for _ in range(500):
        if (now := await about(client, terminal_id))[what] == value:
            return now
        await asyncio.sleep(0.01)
    raise AssertionError(now)


async def test_a_viewer_that_comes_back_gets_what_it_missed_and_nothing_twice(client: Client) -> None:
    terminal_id = await opened(client, "sh")
    first = await viewer(client, terminal_id, "&offset=0")
    await first.type(b"echo o''ne\n")
    await first.until(b"one\r\n")
    await first.socket.close()
    second = await viewer(client, terminal_id, f"&offset={first.offset}")
    hello = await second.hears("hello")
    assert (hello["offset"], hello["missed"], hello["mode"]) == (first.offset, False, "owner")
    await second.type(b"echo t''wo\n")
    await second.until(b"two\r\n")
    third = await viewer(client, terminal_id, "&offset=0")
    await third.until(b"two\r\n")
    in_parts, at_once = bytes(first.output + second.output), bytes(third.output)
    assert in_parts[: len(at_once)] == at_once[: len(in_parts)]  # either may have the next prompt already
    await second.socket.close()
    await third.socket.close()


async def test_the_exit_code_is_told_and_stays_listed_with_the_last_words(client: Client) -> None:
    terminal_id = await opened(client, "sh", "-c", "echo the end; exit 7")
    now = await until_true(client, terminal_id, "state", "exited")
    assert now["exit_code"] == 7
    late = await viewer(client, terminal_id, "&offset=0")
    await late.until(b"the end\r\n")
    assert (await late.hears("exit"))["exit_code"] == 7
    assert await late.end() == 1000


async def test_a_reader_watches_and_cannot_type(client: Client) -> None:
    terminal_id = await opened(client, "cat")
    reader = await viewer(client, terminal_id, "&offset=0&mode=reader&viewer=eve")
    await reader.type(b"rm -rf\n")
    assert (await reader.hears("error"))["code"] == "forbidden"
    writer = await viewer(client, terminal_id, "&offset=0&mode=writer&viewer=ann")
    await writer.type(b"hello\n")
    assert b"rm" not in await reader.until(b"hello")
    viewers = (await about(client, terminal_id))["viewers"]
    assert [(v["name"], v["mode"]) for v in viewers] == [("eve", "reader"), ("ann", "writer")]
    told = [(await each.hears("hello"))["viewer_id"] for each in (reader, writer)]
    assert told == [v["id"] for v in viewers]
    await writer.socket.close()
    await reader.hears("viewers")
    await reader.socket.close()
    assert (await about(client, terminal_id))["state"] == "running"


async def test_the_size_is_the_smallest_writers(client: Client) -> None:
    script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"
    terminal_id = await opened(client, "sh", "-c", script, rows=50, cols=150)
    reader = await viewer(client, terminal_id, "&offset=0&mode=reader&rows=10&cols=10")
    await reader.until(b"ready")  # from now on the child notices
    wide = await viewer(client, terminal_id, "&offset=0&rows=40&cols=132")
    await wide.until(b"40 132\r\n")
    small = await viewer(client, terminal_id, "&offset=0&mode=writer&rows=45&cols=90")
    await wide.until(b"40 90\r\n")
    await small.say(type="resize", rows=20, cols=100)
    await wide.until(b"20 100\r\n")
    assert [(await wide.hears("resize"))["rows"] for _ in range(3)] == [40, 40, 20]
    await small.socket.close()
    await until_true(client, terminal_id, "rows", 40)
    await wide.socket.close()
    await reader.socket.close()


async def test_a_viewer_can_be_closed_by_its_key(client: Client) -> None:
    terminal_id = await opened(client, "cat")
    shared = await viewer(client, terminal_id, "&viewer_key=share-1&mode=reader")
    await shared.hears("hello")
    path = f"/api/terminals/{terminal_id}/viewers/share-1"
    assert (await client.delete(path, headers=KEY)).status == 204
    assert await shared.end() == 4401
    assert (await client.delete(path, headers=KEY)).status == 404
    assert (await about(client, terminal_id))["state"] == "running"


async def test_who_comes_back_takes_the_place_of_the_connection_they_gave_up(client: Client) -> None:
    terminal_id = await opened(client, "cat")
    stalled = await viewer(client, terminal_id, "&offset=0&viewer=ann&attachment=one")
    others = [
        await viewer(client, terminal_id, f"&offset=0&viewer={more}")
        for more in ("bob&attachment=one", "ann&attachment=two", "ann")
    ]
    for each in (stalled, *others):
        await each.hears("hello")
    again = await viewer(client, terminal_id, "&offset=0&viewer=ann&attachment=one")
    told = await again.hears("viewers")
    assert [each["name"] for each in told["viewers"]] == ["bob", "ann", "ann", "ann"]
    await stalled.type(b"late\n")
    assert await stalled.end() == 4409
    for n, each in enumerate((*others, again)):
        await each.type(f"in-time-{n}\n".encode())
        await again.until(f"in-time-{n}\r\nin-time-{n}\r\n".encode())
    assert b"late" not in again.output
    for each in (*others, again):
        await each.socket.close()


async def test_a_paste_that_the_shell_has_yet_to_take_ends_with_its_connection(client: Client) -> None:
    count = "head -c 1000000 | tr -d b | wc -c; echo done"
    script = f"stty raw -echo; echo ready; head -c 1 >/dev/null; echo taken; sleep 0.3; {count}"
    terminal_id = await opened(client, "sh", "-c", script)
    stalled = await viewer(client, terminal_id, "&offset=0&attachment=one")
    await stalled.until(b"ready\n")
    await stalled.type(b"a" * 1_000_000)
    await stalled.until(b"taken\n")
    again = await viewer(client, terminal_id, "&offset=0&attachment=one")
    await again.hears("hello")
    await again.type(b"b" * 1_000_000)
    seen = await again.until(b"done")
    assert int(seen.split()[2]) < 200_000, "no more than was on its way into the shell"
    await again.socket.close()
    await stalled.socket.close()


async def test_the_name_of_an_attachment_is_short_and_plain(client: Client) -> None:
    terminal_id = await opened(client, "cat")
    for name in ("", "a" * 65, "a%20b", "a%0A", "%C3%A4"):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
            await viewer(client, terminal_id, f"&attachment={name}")


async def test_an_ended_terminal_says_who_ended_it(client: Client) -> None:
    terminal_id = await opened(client, "sh", "-c", "trap '' HUP; echo ready; sleep 60")
    watching = await viewer(client, terminal_id, "&offset=0")
    await watching.until(b"ready")
    response = await client.delete(f"/api/terminals/{terminal_id}", headers=KEY)
    assert (await response.json())["exit_code"] == 128 + 9
    assert await watching.end() == 4410


async def test_a_lagging_viewer_is_cut_off_and_slows_nobody(client: Client) -> None:
    terminal_id = await opened(client, "sh", "-c", "read go; seq 1 400000; echo do''ne; read x")
    quick = await viewer(client, terminal_id, "&offset=0")
    deaf = await viewer(client, terminal_id, "&offset=0", acks=False)
    await deaf.hears("hello")
    await quick.type(b"go\n")
    seen = await quick.until(b"done\r\n")
    assert [int(n) for n in seen.split()[1:-1]] == list(range(1, 400001))
    assert await deaf.end() == 4429
    assert len(deaf.output) <= 128 << 10
    again = await viewer(client, terminal_id, f"&offset={deaf.offset}")
    assert (await again.hears("hello"))["missed"] is True
    assert "no longer kept" in (await again.hears("notice"))["text"]
    assert again.offset == quick.offset
    await again.socket.close()
    await quick.socket.close()


async def test_a_lone_viewer_that_acknowledges_nothing_holds_its_shell_back(client: Client) -> None:
    terminal_id = await opened(client, "yes")
    lone = await viewer(client, terminal_id, acks=False)
    held = -1
    for _ in range(100):
        await asyncio.sleep(0.05)
        now = (await about(client, terminal_id))["offset"]
        if now == held:
            break
        held = now
    assert (await about(client, terminal_id))["offset"] == held, "the shell waits"
    hello = await lone.hears("hello")
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            while True:
                await lone.step()
    assert 0 < lone.offset - hello["offset"] <= hello["window_bytes"]
    await lone.say(type="ack", offset=lone.offset)
    before = lone.offset
    while lone.offset <= before + (16 << 10):
        await lone.step()
    await lone.socket.close()
    await client.delete(f"/api/terminals/{terminal_id}", headers=KEY)


async def test_messages_that_are_none_are_refused_and_the_connection_stays(client: Client) -> None:
    terminal_id = await opened(client, "cat")
    socket = await viewer(client, terminal_id)
    for text in ("{}", "ls\n", '{"type":"resize","rows":0,"cols":1}', '{"type":"ack","offset":-1}'):
        await socket.socket.send_str(text)
        assert (await socket.hears("error"))["code"] == "invalid-request"
    await socket.say(type="ack", offset=1 << 50)
    await socket.say(type="ping")
    await socket.hears("pong")
    await socket.socket.close()


async def test_a_terminal_nobody_watches_ends_after_its_time(client: Client) -> None:
    terminal_id = await opened(client, "cat", linger_s=0.3)
    watching = await viewer(client, terminal_id)
    await watching.hears("hello")
    await asyncio.sleep(0.6)
    assert (await about(client, terminal_id))["state"] == "running"
    await watching.socket.close()
    assert (await until_true(client, terminal_id, "state", "exited"))["exit_code"] == 128 + 1


async def test_a_question_is_not_replayed_to_who_comes_back(client: Client) -> None:
    terminal_id = await opened(client, "sh", "-c", "stty -echo; printf 'a\\033[6nb'; echo ready; cat -v")
    first = await viewer(client, terminal_id, "&offset=0")
    assert b"\x1b[6n" in await first.until(b"ready\r\n")  # live, it is answered
    await first.socket.close()
    second = await viewer(client, terminal_id, "&offset=0")
    assert await second.until(b"ready\r\n") == b"abready\r\n"
    assert (await second.hears("skip"))["offset"] == first.offset
    assert second.offset == first.offset
    middle = bytes(first.output).index(b"\x1b[6n") + 2
    third = await viewer(client, terminal_id, f"&offset={middle}")
    assert await third.until(b"ready\r\n") == b"\x18bready\r\n"
    assert third.offset == first.offset
    await second.socket.close()
    await third.socket.close()


async def test_who_comes_too_late_sees_the_screen(client: Client) -> None:
    draw = (
        "printf '\\033[?1049h\\033[2J\\033[5;10H\\033[31mred\\033[0m\\033]2;a title\\007\\033[?25l'; read x"
    )
    terminal_id = await opened(client, "sh", "-c", f"seq 1 300000; {draw}; echo")
    await until_true(client, terminal_id, "state", "running")
    await settled(client, terminal_id)
    late = await viewer(client, terminal_id, "&offset=0")
    hello = await late.hears("hello")
    assert hello["missed"] and late.offset == hello["offset"] == (await about(client, terminal_id))["offset"]
    await late.step()
    screen = emulated([bytes(late.output)])
    assert screen.display[4][9:12] == "red" and screen.buffer[4][9].fg == "red"
    assert b"\x1b[?1049h" in late.output and screen.title == "a title" and screen.cursor.hidden
    await late.socket.close()


async def settled(client: Client, terminal_id: str) -> None:
    before = -1
    while (now := (await about(client, terminal_id))["offset"]) != before:
        before = now
        await asyncio.sleep(0.2)


def emulated(output: Sequence[bytes]) -> pyte.Screen:
    screen = pyte.Screen(80, 24)
    stream = pyte.ByteStream(screen)
    for data in output:
        stream.feed(data)
    return screen


async def test_the_documented_protocol_attaches_too(client: Client) -> None:
    terminal_id = await opened(client, "sh", "-c", "echo first; read x; echo last; exit 3")
    await settled(client, terminal_id)
    socket = await client.ws_connect(f"/ws?terminal_id={terminal_id}&offset=0", headers=KEY)
    assert (await socket.receive_bytes()) == b"first\r\n"
    await socket.send_str("go\n")
    async with asyncio.timeout(10):
        rest = b"".join([message.data async for message in socket])
    assert rest.endswith(b"last\r\n") and socket.close_code == 1000


async def test_a_reload_keeps_the_shell_of_the_documented_protocol(client: Client, agent: Agent) -> None:
    socket = await client.ws_connect("/ws?vm_name=a", headers=KEY)
    await socket.send_str("echo he''re\n")
    seen = b""
    while b"here\r\n" not in seen:
        seen += await socket.receive_bytes()
    await socket.close(code=1001)  # what a browser says when its page goes away
    await asyncio.sleep(0.1)
    assert len(agent.terminals) == 1


async def test_a_terminal_that_is_not_there_is_not_found(client: Client) -> None:
    for method, path in (
        ("GET", "/api/terminals/here~0"),
        ("DELETE", "/api/terminals/here~0"),
        ("GET", "/ws?terminal_id=here~0"),
    ):
        headers = {**KEY, "Upgrade": "websocket", "Connection": "upgrade", "Sec-WebSocket-Version": "13"}
        headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
        response = await client.request(method, path, headers=headers)
        assert (response.status, (await response.json())["code"]) == (404, "not-found")


async def flooded(
    client: Client, *, answers_pings: bool
) -> tuple[aiohttp.ClientWebSocketResponse[bool], str]:
    """Return a viewer of the documented protocol that has taken a megabyte of a flood."""
    terminal_id = await opened(client, "sh", "-c", "read go; yes | head -c 4000000")
    socket = await client.ws_connect(
        f"/ws?terminal_id={terminal_id}&offset=0", headers=KEY, autoping=answers_pings
    )
    await socket.send_bytes(b"\n")
    await take(socket, 1_000_000)
    return socket, terminal_id


async def take(socket: aiohttp.ClientWebSocketResponse[bool], least_bytes: int) -> int:
    """Take output until it is so much, or all; return how much it was."""
    taken = 0
    async with asyncio.timeout(10):
        while taken < least_bytes:
            message = await socket.receive()
            if message.type is WSMsgType.BINARY:
                taken += len(message.data)
            elif message.type is not WSMsgType.PING:
                break
    return taken


async def test_answers_to_pings_bound_what_is_on_its_way_where_there_are_no_acknowledgements(
    client: Client,
) -> None:
    socket, terminal_id = await flooded(client, answers_pings=True)
    offsets = [-1, 0]
    while offsets[-1] != offsets[-2]:  # the agent sends what it may, and stops
        await asyncio.sleep(0.2)
        offsets.append((await about(client, terminal_id))["offset"])

    left = await take(socket, 4_000_000)

    assert offsets[-1] < 1_600_000, "the agent read on for a viewer that takes nothing"
    assert left > 2_900_000


async def test_a_viewer_that_answers_no_pings_gets_its_output(client: Client) -> None:
    socket, _ = await flooded(client, answers_pings=False)

    assert await take(socket, 4_000_000) > 2_900_000


@pytest.mark.parametrize("protocols", [["batwa.v1"], []], ids=["batwa.v1", "documented"])
async def test_a_long_paste_comes_back_whole_from_who_repeats_it(
    client: Client, protocols: list[str]
) -> None:
    terminal_id = await opened(client, "sh", "-c", "stty raw -echo; echo ready; exec cat")
    socket = await client.ws_connect(
        f"/ws?terminal_id={terminal_id}&offset=0", headers=KEY, protocols=protocols
    )
    taking = Viewer(socket, acks=bool(protocols))
    await taking.until(b"ready\n")
    before, pasted = len(taking.output), b"".join(b"%09d " % number for number in range(200_000))

    async def paste() -> None:
        for at in range(0, len(pasted), 64 << 10):
            await socket.send_bytes(pasted[at : at + (64 << 10)])

    async with asyncio.timeout(30), asyncio.TaskGroup() as both:
        both.create_task(paste())
        while len(taking.output) < before + len(pasted):
            assert await taking.step()

    assert bytes(taking.output[before:]) == pasted
