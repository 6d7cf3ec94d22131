"""`/ws/exec`: a command whose input and output are streamed; docs/protocol.md has the messages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import WSMsgType, web
from pydantic import ValidationError

from batwa_common.errors import BatwaError, InvalidRequest
from batwa_common.web.body import explain
from batwa_common.wire.base import Wire
from batwa_common.wire.exec import ExecFailed, Exited, Run, Started, StdinEnd
from batwa_common.wire.vm import Vm

from .commands import Commands, Stream, must_run

TAGS: dict[Stream, bytes] = {"stdout": b"\x01", "stderr": b"\x02"}
"""First byte of a binary message of output; the rest are the bytes."""
STDIN_TAG = 0
MESSAGE_BYTES = 1 << 20
"""Largest message taken; more input comes as several."""
BUFFER_BYTES = 64 << 10
FIRST_WITHIN_S = 30.0
"""How long the first message may take to come."""
PING_EVERY_S = 8.0
SILENCE_S = 18.0
"""A caller that answers no ping for this long is gone."""
CLOSE_S = 5.0
_REFUSED, _BROKEN = 4400, 4500


class ExecSocket:
    """One command on one WebSocket. The command ends with the connection."""

    def __init__(self, commands: Commands, vm: Vm) -> None:
        must_run(vm)  # while an error is still an ordinary HTTP answer
        self._commands = commands
        self._vm = vm
        self._ws: web.WebSocketResponse[bool] = web.WebSocketResponse(
            compress=False,
            max_msg_size=MESSAGE_BYTES,
            writer_limit=BUFFER_BYTES,
            decode_text=False,
            autoping=False,  # while input waits for the command nothing is read, and that is not silence
            timeout=CLOSE_S,
        )
        self._heard_at = 0.0
        self._input: asyncio.Queue[bytes] = asyncio.Queue(1)

    async def serve(self, request: web.Request) -> web.WebSocketResponse[bool]:
        """Upgrade, run what the first message says, and close when it has ended."""
        await self._ws.prepare(request)
        try:
            await self._run(await self._first())
        except InvalidRequest as err:
            await self._last(ExecFailed(code=err.code, detail=str(err)), code=_REFUSED)
        except BatwaError as err:
            await self._last(ExecFailed(code=err.code, detail=str(err)), code=4000 + err.status)
        except (ConnectionError, TimeoutError):
            await self._close(_BROKEN)
        return self._ws

    async def _first(self) -> Run:
        async with asyncio.timeout(FIRST_WITHIN_S):
            message = await self._ws.receive()
        if message.type is not WSMsgType.TEXT:
            raise InvalidRequest('the first message must be a text message {"type": "run", "command": […]}')
        try:
            return Run.model_validate_json(message.data)
        except ValidationError as err:
            raise InvalidRequest(explain(err)) from err

    async def _run(self, asked: Run) -> None:
        work = asyncio.ensure_future(
            self._commands.stream(
                self._vm,
                asked.command,
                timeout_s=asked.timeout_s,
                stdin=self._stdin(),
                on_output=self._show,
                on_start=lambda: self._ws.send_str(Started().model_dump_json()),
            )
        )
        others = [asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._until_silent())]
        try:
            await asyncio.wait((work, *others), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise ConnectionResetError("the caller has gone")
            told = work.result()
            await self._last(Exited(exit_code=told.exit_code, timed_out=told.timed_out), code=1000)
        finally:
            for task in (work, *others):
                task.cancel()
            await asyncio.gather(work, *others, return_exceptions=True)

    async def _until_silent(self) -> None:
        """Return when the caller has answered no ping for too long."""
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        while loop.time() - self._heard_at < SILENCE_S:
            await asyncio.sleep(PING_EVERY_S)
            await self._ws.ping()
            if self._input.full():
                self._heard_at = loop.time()

    async def _receive(self) -> None:
        """Pass input on as the command takes it; return when the caller has gone."""
        while True:
            message = await self._ws.receive()
            self._heard_at = asyncio.get_running_loop().time()
            match message.type:
                case WSMsgType.PING:
                    await self._ws.pong(message.data)
                case WSMsgType.PONG:
                    pass
                case WSMsgType.BINARY if message.data[:1] == bytes((STDIN_TAG,)):
                    if len(message.data) > 1:
                        await self._input.put(message.data[1:])
                case WSMsgType.TEXT if _is_end(message.data):
                    await self._input.put(b"")
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    pass  # of a later protocol
                case _:
                    return

    async def _stdin(self) -> AsyncIterator[bytes]:
        while chunk := await self._input.get():
            yield chunk

    async def _show(self, stream: Stream, data: bytes) -> None:
        await self._ws.send_bytes(TAGS[stream] + data)  # returns when the network has taken most of it

    async def _last(self, message: Wire, *, code: int) -> None:
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._ws.send_str(message.model_dump_json())
        await self._close(code)

    async def _close(self, code: int) -> None:
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._ws.close(code=code)


def _is_end(text: bytes) -> bool:
    try:
        StdinEnd.model_validate_json(text)
    except ValidationError:
        return False
    return True
