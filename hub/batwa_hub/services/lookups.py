"""Looking up together what many ask for at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from batwa_common.errors import BatwaError

MOST_AT_ONCE = 500
"""Keys in one query; databases bound how many parameters one may have."""

T = TypeVar("T")


@dataclass(eq=False)
class _Ask(Generic[T]):
    key: str
    found: T | None = None
    failed: BatwaError | None = None
    done: bool = False


class Lookups(Generic[T]):
    """One query at a time; what is asked for meanwhile goes into the next.

    A thousand agents that come back at once would else need a thousand transactions, and wait for them
    with everything held that a request holds.

    Args:
        load: Returns what it finds under each of some keys.
    """

    def __init__(self, load: Callable[[Collection[str]], Awaitable[Mapping[str, T]]]) -> None:
        self._load = load
        self._waiting: list[_Ask[T]] = []
        self._turn = asyncio.Lock()

    async def find(self, key: str) -> T | None:
        """Return what is under *key*, looked up after this was called. Raises what *load* raises."""
        ask = _Ask[T](key)
        self._waiting.append(ask)
        try:
            async with self._turn:
                while not ask.done:  # else whoever had the turn before has looked it up along
                    await self._answer(self._waiting[:MOST_AT_ONCE])
        finally:
            if not ask.done:
                self._waiting.remove(ask)
        if ask.failed is not None:
            raise ask.failed
        return ask.found

    async def _answer(self, asks: list[_Ask[T]]) -> None:
        found: Mapping[str, T] = {}
        failed = None
        try:
            found = await self._load({ask.key for ask in asks})
        except BatwaError as err:
            failed = err
        for ask in asks:
            ask.found, ask.failed, ask.done = found.get(ask.key), failed, True
        self._waiting = [ask for ask in self._waiting if not ask.done]
