"""A numbered stream while viewers, hub and agent are killed at random: every byte arrives once."""

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from .fleet import Fleet, fleet_of

KILLS = 200
SEED = 20261121
LINE_BYTES = 12
"""Ten digits, carriage return, line feed."""
STREAM = (
    "stty -echo; printf '\\n%s\\n' be''gin; "
    'awk \'BEGIN { for (i = 0; ; i++) { printf "%010d\\n", i; '
    'if (i % 100 == 99) { fflush(); system("sleep 0.02") } } }\'\n'
)
BEGIN = b"begin\r\n"


def expected(start: int, count: int) -> bytes:
    """Return *count* bytes of the stream from its byte *start* on."""
    first, last = start // LINE_BYTES, (start + count) // LINE_BYTES + 1
    text = b"".join(b"%010d\r\n" % number for number in range(first, last))
    return text[start - first * LINE_BYTES :][:count]


class Viewer:
    """Somebody who watches, is cut off, and comes back with the offset they have."""

    def __init__(self, fleet: Fleet, session: aiohttp.ClientSession, terminal_id: str) -> None:
        self._fleet = fleet
        self._session = session
        self.terminal_id = terminal_id
        self.offset = 0
        self.base: int | None = None
        self.attachments = 0
        self._before_base = bytearray()
        self._ws: aiohttp.ClientWebSocketResponse | None = None

    async def attach(self, within_s: float = 30) -> None:
        """Connect, whatever is being restarted at the moment."""
        path = f"/ws?terminal_id={self.terminal_id}&offset={self.offset}"
        deadline, why = time.monotonic() + within_s, ""
        while time.monotonic() < deadline:
            try:
                self._ws = await self._session.ws_connect(path, protocols=["batwa.v1"])
                hello = await self._ws.receive(timeout=5)
                if hello.type is aiohttp.WSMsgType.TEXT:
                    break
                why = repr(hello)
            except (aiohttp.ClientError, OSError) as err:
                why = repr(err)
            await asyncio.sleep(0.05)
        else:
            raise AssertionError(f"attachment {self.attachments} at {self.offset} failed for long: {why}")
        told = json.loads(hello.data)
        assert told["type"] == "hello" and told["missed"] is False, told
        assert told["offset"] == self.offset, told
        self.attachments += 1

    async def type(self, text: str) -> None:
        assert self._ws
        await self._ws.send_bytes(text.encode())

    async def watch(self, count: int, within_s: float = 20) -> bool:
        """Check the next *count* bytes or more; False if the connection ended first."""
        target = self.offset + count
        async with asyncio.timeout(within_s):
            while self.offset < target:
                assert self._ws
                message = await self._ws.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    self._check(message.data)
                    await self._ws.send_str(json.dumps({"type": "ack", "offset": self.offset}))
                elif message.type is not aiohttp.WSMsgType.TEXT:
                    return False
        return True

    def _check(self, data: bytes) -> None:
        if self.base is None:
            self._before_base += data
            if (found := self._before_base.find(BEGIN)) >= 0:
                self.base = found + len(BEGIN)
                stream = bytes(self._before_base[self.base :])
                assert stream == expected(0, len(stream))
        else:
            assert data == expected(self.offset - self.base, len(data)), (self.offset, self.attachments)
        self.offset += len(data)

    async def drop(self) -> None:
        """Leave without a word, as a lost network does."""
        if self._ws is not None:
            connection: Any = self._ws._response.connection
            if connection is not None and connection.transport is not None:
                connection.transport.abort()
            self._ws = None


async def restart(fleet: Fleet, who: str, *, kindly: bool) -> None:
    daemon = fleet.hub if who == "hub" else fleet.agents[who]
    await asyncio.to_thread(daemon.stop if kindly else daemon.kill)
    await asyncio.to_thread(daemon.start)


@pytest.mark.timeout(600)
async def test_no_byte_is_lost_or_doubled_whatever_is_killed(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 -- a repeatable choice, no secret
    with fleet_of(tmp_path, "oslo") as fleet:
        async with fleet.admin() as session:
            async with session.post("/api/vm/create", json={"name": "tape", "agent_id": "oslo"}) as answer:
                assert answer.status == 200, await answer.text()
            opening = {"vm_name": "tape", "rows": 24, "cols": 80}
            async with session.post("/api/terminals", json=opening) as answer:
                told = await answer.json()
                assert answer.status == 201, told
            viewer = Viewer(fleet, session, told["id"])
            await viewer.attach()
            await viewer.type(STREAM)
            assert await viewer.watch(4000)
            for _ in range(KILLS):
                fault = chance.choices(["viewer", "hub", "oslo"], weights=[70, 15, 15])[0]
                if fault == "viewer":
                    await viewer.drop()
                else:
                    await restart(fleet, fault, kindly=chance.random() < 0.3)
                    await viewer.drop()
                await viewer.attach()
                await viewer.watch(chance.randrange(100, 4000))
            await viewer.drop()
            await viewer.attach()
            assert await viewer.watch(20_000)
    assert viewer.attachments >= KILLS
