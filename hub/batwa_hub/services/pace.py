"""How often somebody may ask: a steady rate, and some at once (the generic cell rate algorithm)."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from batwa_common.errors import TooManyRequests

BURST_S = 10.0
"""Seconds' worth of requests that may come at once."""
MOST_KEYS = 20_000
"""Callers remembered; the one silent for longest is forgotten first. About 4 MB."""


class Pace:
    """One number per caller, in memory: each process of a hub counts for itself.

    Args:
        per_minute: Requests a minute that a caller may make; 0 for any number.
        now: Monotonic clock in seconds; tests pass their own.
    """

    def __init__(self, *, per_minute: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.change(per_minute)
        self._due: OrderedDict[str, float] = OrderedDict()

    def change(self, per_minute: float) -> None:
        """Allow another number of requests a minute from now on; 0 for any."""
        self._interval_s = 60 / per_minute if per_minute else 0.0

    def take(self, key: str) -> None:
        """Count a request. Raises `TooManyRequests` with the seconds to wait; that one is not counted."""
        if not self._interval_s:
            return
        now_s = self._now()
        due_s = max(self._due.get(key, now_s), now_s) + self._interval_s
        if (left_s := due_s - now_s - max(BURST_S, self._interval_s)) > 0:
            wait_s = math.ceil(left_s)
            raise TooManyRequests(
                f"Too many requests; try again in {wait_s} s, and then more slowly.", retry_after_s=wait_s
            )
        self._due[key] = due_s
        self._due.move_to_end(key)
        if len(self._due) > MOST_KEYS:
            self._due.popitem(last=False)


class Paces(NamedTuple):
    """How often callers that are known, and strangers, may ask."""

    callers: Pace
    strangers: Pace
