"""Full-screen programs look the same to whoever comes back as to whoever never left."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from batwa_agent.terminals.emulator import Emulator

from .fleet import Fleet
from .test_contract import post

ROWS, COLS = 24, 80
KEPT_BYTES = 256 << 10
"""What an agent keeps of a terminal here: the least it can, as what fills it has to be drawn."""
PROGRAMS = {
    "vim": ("vim -u NONE -N /etc/services\n", b"15jVjjx:set number\r/http\r"),
    "vi": ("vi /etc/services\n", b"15j/http\r"),
    "less": ("less /etc/services\n", b"   /tcp\r"),
    "htop": ("htop -d 100\n", b""),
    "top": ("top -d 100\n", b""),
    "nano": ("nano /etc/services\n", b"\x16\x16hello"),
}
HERE = sorted(name for name in PROGRAMS if shutil.which(name))
"""Whichever this machine has; the simulated VM runs the machine's programs."""


class Eyes:
    """A viewer with a terminal emulator."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.screen = Emulator(ROWS, COLS)
        self.offset = 0
        self.missed = False

    async def look(self, quiet_s: float = 1.0, first_s: float = 15.0) -> list[str]:
        """Return the screen once something has come and then nothing for a while."""
        wait_s = first_s
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    message = await self.ws.receive()
            except TimeoutError:
                return list(self.screen.display)
            if message.type is aiohttp.WSMsgType.BINARY:
                self.screen.feed(message.data)
                self.offset += len(message.data)
                wait_s = quiet_s
                await self.ws.send_str(json.dumps({"type": "ack", "offset": self.offset}))
            elif message.type is aiohttp.WSMsgType.TEXT:
                self._obey(json.loads(message.data))
            else:
                raise AssertionError(message)

    def _obey(self, told: dict[str, object]) -> None:
        if told["type"] in {"hello", "skip"}:
            self.offset = int(str(told["offset"]))
        if told["type"] == "hello":
            self.missed = bool(told["missed"])


@asynccontextmanager
async def eyes(session: aiohttp.ClientSession, terminal_id: str, offset: int) -> AsyncIterator[Eyes]:
    path = f"/ws?terminal_id={terminal_id}&offset={offset}"
    async with session.ws_connect(path, protocols=["batwa.v1"]) as ws:
        await ws.send_str(json.dumps({"type": "resize", "rows": ROWS, "cols": COLS}))
        yield Eyes(ws)


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet whose one agent keeps little of a terminal's output."""
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        fleet.add_agent("local", BATWA_AGENT_TERMINAL__KEEP_BYTES=str(KEPT_BYTES))
        yield fleet


def test_this_machine_has_a_full_screen_program() -> None:
    assert HERE


@pytest.mark.parametrize("overflow", [False, True], ids=["all of it kept", "the beginning gone"])
@pytest.mark.parametrize("program", HERE)
async def test_a_program_looks_as_before_to_who_comes_back(
    forgetful: Fleet, program: str, overflow: bool
) -> None:
    command, keys = PROGRAMS[program]
    async with forgetful.admin() as session:
        await post(session, "/api/vm/create", {"name": "screen"})
        try:
            opened = await post(
                session, "/api/terminals", {"vm_name": "screen", "rows": ROWS, "cols": COLS}, 201
            )
            async with eyes(session, opened["id"], 0) as stayed:
                await stayed.look()
                if overflow:
                    await stayed.ws.send_bytes(b"yes 0123456789 | head -c %d\n" % (KEPT_BYTES * 3 // 2))
                    await stayed.look()
                await stayed.ws.send_bytes(command.encode())
                await stayed.look()
                await stayed.ws.send_bytes(keys)
                seen = await stayed.look()
                async with eyes(session, opened["id"], 0) as came_back:
                    assert await came_back.look() == seen
                    assert came_back.missed is overflow
                    assert (came_back.screen.cursor.x, came_back.screen.cursor.y) == (
                        stayed.screen.cursor.x,
                        stayed.screen.cursor.y,
                    )
        finally:
            await post(session, "/api/vm/delete", {"name": "screen", "purge": True})
