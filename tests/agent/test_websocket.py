"""The agent's end of a WebSocket: messages by calls, held while paused, and how it ends."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import ClientWebSocketResponse, WSCloseCode, web
from aiohttp.pytest_plugin import AiohttpClient
from structlog.testing import capture_logs

from batwa_agent.terminals.viewer import STOPPING
from batwa_agent.terminals.websocket import WebSocket
from batwa_common.web.websocket_reader import Message
from batwa_common.wire.terminal import CloseCode

Client = ClientWebSocketResponse[bool]


class End:
    """Our end, and the other one."""

    def __init__(self) -> None:
        self.websocket: WebSocket | None = None
        self.is_up, self.done = asyncio.Event(), asyncio.Event()
        self.on_message: Callable[[Message], None] = lambda _message: None

    async def show(self, request: web.Request) -> web.StreamResponse:
        self.websocket = WebSocket(self.on_message)
        answer: web.WebSocketResponse[bool] = web.WebSocketResponse()
        await self.websocket.upgrade(request, answer)
        self.is_up.set()
        try:
            await self.websocket.ended  # cancelled when the server hears that the connection is lost
        finally:
            await self.websocket.close(STOPPING)
            self.done.set()
        return answer

    async def open(self, aiohttp_client: AiohttpClient) -> tuple[WebSocket, Client]:
        app = web.Application()
        app.router.add_get("/", self.show)
        client = await (await aiohttp_client(app)).ws_connect("/")
        await self.is_up.wait()
        assert self.websocket is not None
        return self.websocket, client


@pytest.fixture
async def end() -> End:
    return End()


async def test_what_came_while_it_was_paused_is_taken_in_order_until_it_is_paused_again(
    end: End, aiohttp_client: AiohttpClient
) -> None:
    taken: asyncio.Queue[object] = asyncio.Queue()

    def one_at_a_time(message: Message) -> None:
        taken.put_nowait(message.data)
        websocket.pause()

    end.on_message = one_at_a_time
    websocket, client = await end.open(aiohttp_client)
    for each in (b"1", b"2", b"3"):
        await client.send_bytes(each)

    for expected in (b"1", b"2", b"3"):
        assert taken.empty()
        websocket.resume()
        async with asyncio.timeout(10):
            assert await taken.get() == expected
    websocket.resume()
    await client.close()
    assert client.close_code == WSCloseCode.OK


async def test_a_bug_closes_as_documented_and_reaches_the_log(
    end: End, aiohttp_client: AiohttpClient
) -> None:
    def broken(_message: Message) -> None:
        raise ZeroDivisionError

    end.on_message = broken
    websocket, client = await end.open(aiohttp_client)
    with capture_logs() as lines:
        websocket.resume()
        await client.send_bytes(b"x")
        closed = await client.receive(timeout=10)

    assert (closed.data, closed.extra) == (CloseCode.INTERNAL, "internal")
    assert [type(line["exc_info"]) for line in lines] == [ZeroDivisionError]


async def test_what_is_no_frame_is_refused(end: End, aiohttp_client: AiohttpClient) -> None:
    websocket, client = await end.open(aiohttp_client)
    websocket.resume()
    await client._writer.send_frame(b"?", 0x3)

    assert (await client.receive(timeout=10)).data == WSCloseCode.PROTOCOL_ERROR


async def test_who_hangs_up_is_noticed_and_the_server_hears_of_it(
    end: End, aiohttp_client: AiohttpClient
) -> None:
    websocket, client = await end.open(aiohttp_client)
    websocket.resume()
    client._writer.transport.abort()

    async with asyncio.timeout(10):
        assert await websocket.ended is None
        await end.done.wait()
    assert websocket.is_gone
