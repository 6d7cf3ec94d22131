"""Terminals over a WebSocket."""

import pytest
from aiohttp import WSMsgType, web

from batwa_common.client import RESTClient
from batwa_common.errors import HubUnreachable, Unavailable, VmStateConflict

from .scripted import ScriptedHub, cut, problem


async def echo(request: web.Request) -> web.StreamResponse:
    """Say back what comes, and do what some words tell."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        if message.data == b"exit":
            await ws.close(code=1000)
        elif message.data == b"stop":
            await ws.close(code=4503, message=b"unavailable")
        elif message.data == b"drop" and request.transport:
            request.transport.abort()
        elif message.type is WSMsgType.TEXT:
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)
    return ws


async def test_keys_go_and_output_comes_as_bytes(scripted: ScriptedHub) -> None:
    scripted.will(echo)
    async with (
        RESTClient(scripted.url) as client,
        await client.open_terminal("x", agent_id="oslo", rows=30, cols=100) as terminal,
    ):
        await terminal.write(b'\x00\xff{"type": "resize"}')
        assert await terminal.read() == b'\x00\xff{"type": "resize"}'
        await terminal.resize(rows=3, cols=4)
        assert await terminal.read() == b'{"type":"resize","rows":3,"cols":4}'
        await terminal.write(b"exit")
        assert [chunk async for chunk in terminal] == []
        assert terminal.close_code == 1000
        with pytest.raises(HubUnreachable):
            await terminal.write(b"too late")

    assert scripted.asked[0].query == {"vm_name": "x", "agent_id": "oslo", "rows": "30", "cols": "100"}


async def test_a_refusal_before_the_opening_is_raised_as_its_class(scripted: ScriptedHub) -> None:
    scripted.will(problem(409, "vm-state-conflict", "it is stopped; start it first"))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(VmStateConflict, match="start it first"):
            await client.open_terminal("x")


async def test_an_error_while_it_is_open_is_raised_as_its_class(scripted: ScriptedHub) -> None:
    scripted.will(echo)
    async with RESTClient(scripted.url) as client, await client.open_terminal("x") as terminal:
        await terminal.write(b"stop")
        with pytest.raises(Unavailable):
            await terminal.read()


async def test_a_broken_connection_is_not_taken_for_the_end(scripted: ScriptedHub) -> None:
    scripted.will(echo)
    async with RESTClient(scripted.url) as client, await client.open_terminal("x") as terminal:
        await terminal.write(b"drop")
        with pytest.raises(HubUnreachable):
            await terminal.read()


async def test_no_connection_is_told_as_such(scripted: ScriptedHub) -> None:
    scripted.will(cut)
    async with RESTClient(scripted.url) as client:
        with pytest.raises(HubUnreachable):
            await client.open_terminal("x")
