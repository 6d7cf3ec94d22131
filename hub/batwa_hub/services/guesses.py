"""Slow down whoever guesses passwords, without locking out the owner who comes from elsewhere."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from batwa_common.errors import TooManyRequests

FREE = 10
"""Attempts before waiting begins: a person who mistypes, a script that logs in several times at once."""
FIRST_WAIT_S = 1.0
"""The first wait; each further wrong password doubles it."""
LONGEST_WAIT_S = 60.0
"""The longest wait: one guess a minute is hopeless for a guesser and bearable for an owner."""
FORGET_S = 15 * 60.0
"""Silence after which the count begins anew."""
MOST_SOURCES = 10_000
"""Sources remembered; the one silent for longest is forgotten first. About 3 MB."""


class _Tally(NamedTuple):
    attempts: int
    last_at_s: float


class Guesses:
    """Counts attempts by account and network address. In memory: a restart forgives.

    Args:
        now: Monotonic clock in seconds; tests pass their own.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._tallies: OrderedDict[tuple[str, str], _Tally] = OrderedDict()

    def attempt(self, account: str, address: str, *, of: str = "passwords") -> None:
        """Count an attempt before it is checked, so that many at once gain nothing.

        Raises `TooManyRequests` with the seconds to wait; that attempt is neither checked nor counted.
        """
        now_s, source = self._now(), (account, _network(address))
        tally = self._tallies.get(source, _Tally(0, now_s))
        if now_s - tally.last_at_s > FORGET_S:
            tally = _Tally(0, now_s)
        left_s = tally.last_at_s + _wait_s(tally.attempts) - now_s
        if left_s > 0:
            wait_s = int(left_s) + 1
            raise TooManyRequests(f"Too many wrong {of}; try again in {wait_s} s.", retry_after_s=wait_s)
        self._tallies[source] = _Tally(tally.attempts + 1, now_s)
        self._tallies.move_to_end(source)
        if len(self._tallies) > MOST_SOURCES:
            self._tallies.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """Forget what was counted: it was the owner."""
        self._tallies.pop((account, _network(address)), None)


def _wait_s(attempts: int) -> float:
    if attempts < FREE:
        return 0.0
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempts - FREE, 16)))


def _network(address: str) -> str:
    """Return what one customer of a provider has: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return address
