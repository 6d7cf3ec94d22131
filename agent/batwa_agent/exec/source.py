"""One stream of a command: read to its end, or until what comes can be the command's no more."""

import asyncio

from .process import READ_BYTES

DRAIN_S = 1.0
"""How long an ended command's stream is waited for while it has nothing; what was left behind may hold it."""
DRAIN_BYTES = 16 << 20
"""More than pipes and an SSH channel hold: what comes on top is said by something left behind."""


class Source:
    """What is read of one stream; whoever takes it may be as slow as it likes."""

    def __init__(self, pipe: asyncio.StreamReader) -> None:
        self._pipe = pipe
        self._left_s: float | None = None
        self._left_bytes = DRAIN_BYTES
        self._waiting: asyncio.Timeout | None = None

    async def read(self) -> bytes:
        """Wait for what comes next. Nothing is the end, or that no more is waited for since `drain`."""
        if self._left_bytes <= 0:
            return b""
        try:
            async with asyncio.timeout(self._left_s) as waiting:
                self._waiting = waiting
                data = await self._pipe.read(READ_BYTES)
        except TimeoutError:
            return b""
        finally:
            self._waiting = None
        if (ends_at_s := waiting.when()) is not None:
            self._left_s = ends_at_s - asyncio.get_running_loop().time()
            self._left_bytes -= len(data)
        return data

    def drain(self) -> None:
        """The command has ended: wait only for what may be on its way. A second call changes nothing."""
        if self._left_s is not None:
            return
        self._left_s = DRAIN_S
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time() + DRAIN_S)
