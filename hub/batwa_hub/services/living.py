"""Logins found alive a moment ago, and whoever wants to know at once when one ends."""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

CACHE_S = 1.0
"""How long a found login is believed without asking the store. An end in this process is seen at once."""
LOOK_S = 0.5
"""How often the store is asked whether logins that are watched have ended."""
MOST_CACHED = 10_000
"""Logins cached; the one found longest ago is dropped first. About 10 MB."""

OnEnd = Callable[[], None]
T = TypeVar("T")


class Living(Generic[T]):
    """A short memory of logins by key.

    Args:
        clock: Monotonic clock in seconds; tests pass their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cache: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._watchers: dict[str, dict[object, OnEnd]] = {}
        self.ends = 0
        """Grows with every end: who looked one up meanwhile must not remember it."""

    def find(self, key: str) -> T | None:
        """Return what was found under *key* within `CACHE_S`."""
        cached_at_s, found = self._cache.get(key, (0.0, None))
        return found if found is not None and self._clock() - cached_at_s <= CACHE_S else None

    def remember(self, key: str, found: T, *, ends: int) -> None:
        """Believe *found*, unless something ended since `ends` was that."""
        if ends != self.ends:
            return
        self._cache[key] = (self._clock(), found)
        self._cache.move_to_end(key)
        if len(self._cache) > MOST_CACHED:
            self._cache.popitem(last=False)

    def doubt(self, key: str | None = None) -> None:
        """Believe nothing about *key*, or about anything, without asking the store."""
        self.ends += 1
        if key is None:
            self._cache.clear()
        else:
            self._cache.pop(key, None)

    def ended(self, key: str) -> None:
        """Tell everyone who watches *key*."""
        self.doubt(key)
        for callback in self._watchers.pop(key, {}).values():
            callback()

    def watched(self) -> list[str]:
        """Return every key that somebody watches."""
        return sorted(self._watchers)

    @contextlib.contextmanager
    def watch(self, key: str, callback: OnEnd) -> Iterator[None]:
        """While the block runs, have *callback* called once when *key* has `ended`."""
        token = object()
        self._watchers.setdefault(key, {})[token] = callback
        try:
            yield
        finally:
            watchers = self._watchers.get(key, {})
            watchers.pop(token, None)
            if not watchers:
                self._watchers.pop(key, None)
