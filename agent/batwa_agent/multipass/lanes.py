"""Who waits for whom: at most so many at once, and one answer for all who ask the same."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from batwa_common.errors import DriverTimeout

T = TypeVar("T")


class Lane:
    """At most *width* at once, the others in the order they came."""

    def __init__(self, width: int) -> None:
        self._free = asyncio.Semaphore(width)

    @property
    def is_full(self) -> bool:
        """Whether the next one would wait."""
        return self._free.locked()

    @asynccontextmanager
    async def place(self, what: str, *, within_s: float) -> AsyncIterator[None]:
        """Hold a place. Raises `DriverTimeout` if none becomes free *within_s*."""
        try:
            async with asyncio.timeout(within_s):
                await self._free.acquire()
        except TimeoutError:
            raise DriverTimeout(
                f"{what} waited {within_s:g} s for others of its kind to end, and was not begun"
            ) from None
        try:
            yield
        finally:
            self._free.release()


@dataclass
class _Flight:
    task: asyncio.Task[Any]
    passengers: int = 0


class SingleFlight:
    """A question that is being asked is not asked again: who comes meanwhile shares the answer."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight] = {}

    async def join(self, key: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the answer to *key*, asking only if nobody does. With the last to leave, the asking ends."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(ask(), name=key))
        flight.passengers += 1
        try:
            answer: T = await asyncio.shield(flight.task)
            return answer
        finally:
            flight.passengers -= 1
            if flight.passengers == 0 or flight.task.done():
                await self._land(key, flight)

    async def _land(self, key: str, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.task.done():
            flight.task.cancel()
            await asyncio.wait([flight.task])
