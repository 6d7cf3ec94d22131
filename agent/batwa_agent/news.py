"""Tell whoever waits that something changed; they look for themselves at what."""

import asyncio


class News:
    """A bell. Check the condition, then wait, with no other await between: no change is missed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Wake everybody who waits now."""
        told, self._next = self._next, asyncio.Event()
        told.set()

    async def wait(self) -> None:
        """Return at the next `tell`."""
        await self._next.wait()
