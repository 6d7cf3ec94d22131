"""Slow down whoever guesses secrets, without locking out the owner."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from batwa_common.errors import TooManyRequests

FREE = 10
"""Attempts on one account from one place before waiting begins: who mistypes, a script that logs in often."""
FREE_OF_PLACE = 50
"""The same from one place on all accounts together: an office that comes in the morning."""
FREE_OF_ACCOUNT = 100
"""The same on one account from all places together that it was not logged in from before."""
FIRST_WAIT_S = 1.0
"""The first wait; each further wrong secret doubles it."""
LONGEST_WAIT_S = 60.0
"""The longest wait: one guess a minute is hopeless for a guesser and bearable for an owner."""
FORGET_S = 15 * 60.0
"""Silence after which the count begins anew."""
MOST_SOURCES = 10_000
"""Sources remembered; the one silent for longest is forgotten first. About 3 MB."""

Source = tuple[str, str]
"""An account and a place; either is empty for all of them."""


class _Tally(NamedTuple):
    attempts: int
    last_at_s: float


class Guesses:
    """Counts attempts by account, by network address, and by both. In memory: a restart forgives.

    Who comes from where the account was logged in before does not wait for what others guess elsewhere,
    and who comes with a device that was logged in before waits for nothing but its own mistakes.

    Args:
        now: Monotonic clock in seconds; tests pass their own.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._tallies: OrderedDict[Source, _Tally] = OrderedDict()
        self._owners: OrderedDict[Source, None] = OrderedDict()

    def attempt(
        self, account: str, address: str, *, of: str = "passwords", device: str | None = None
    ) -> None:
        """Count an attempt before it is checked, so that many at once gain nothing.

        Raises `TooManyRequests` with the seconds to wait; that attempt is neither checked nor counted.
        """
        now_s, sources = self._now(), self._sources(account, address, device)
        left_s = max(self._left_s(source, free, now_s) for source, free in sources.items())
        if left_s > 0:
            wait_s = math.ceil(left_s)
            raise TooManyRequests(f"Too many wrong {of}; try again in {wait_s} s.", retry_after_s=wait_s)
        for source in sources:
            self._tallies[source] = _Tally(self._tally(source, now_s).attempts + 1, now_s)
            self._tallies.move_to_end(source)
        while len(self._tallies) > MOST_SOURCES:
            self._tallies.popitem(last=False)

    def succeeded(self, account: str, address: str, *, device: str | None = None) -> None:
        """Forget what the owner mistyped, and remember that they come from there."""
        sources = self._sources(account, address, device)
        own = next(iter(sources))
        for source in sources:
            if (tally := self._tallies.get(source)) is not None:
                self._tallies[source] = tally._replace(attempts=0 if source == own else tally.attempts - 1)
        self._owners[account, _network(address)] = None
        self._owners.move_to_end((account, _network(address)))
        if len(self._owners) > MOST_SOURCES:
            self._owners.popitem(last=False)

    def _sources(self, account: str, address: str, device: str | None) -> dict[Source, int]:
        """Return what an attempt counts for, and how often each is free; the closest first."""
        if device is not None:
            return {(account, f"device {device}"): FREE}
        place = _network(address)
        sources = {(account, place): FREE, ("", place): FREE_OF_PLACE}
        return sources if (account, place) in self._owners else {**sources, (account, ""): FREE_OF_ACCOUNT}

    def _tally(self, source: Source, now_s: float) -> _Tally:
        tally = self._tallies.get(source, _Tally(0, now_s))
        return tally if now_s - tally.last_at_s <= FORGET_S else _Tally(0, now_s)

    def _left_s(self, source: Source, free: int, now_s: float) -> float:
        tally = self._tally(source, now_s)
        return tally.last_at_s + _wait_s(tally.attempts - free) - now_s


def _wait_s(beyond: int) -> float:
    """Return how long to wait after so many attempts beyond the free ones."""
    if beyond < 0:
        return 0.0
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(beyond, 16)))


def _network(address: str) -> str:
    """Return what one customer of a provider has: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return address
