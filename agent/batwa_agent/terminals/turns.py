"""Fair reading: terminals that flood take turns, one quantum a loop turn; quiet ones wait for one at most."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from batwa_common.busy_poll import BusyPoll

SHORT_BYTES = 12 << 10
"""A turn while somebody types: what the echo may have to wait for. Whoever brings it at once, floods."""
LONG_BYTES = 32 << 10
"""A turn otherwise: the more at once, the less it costs."""
LONE_BYTES = 64 << 10
"""A turn when one floods alone, and is waited for: one frame for it, within a millisecond."""
TYPING_S = 0.02
"""How long after a key somebody types."""


class Flooding(Protocol):
    """Something that has more to read than one quantum."""

    def take_turn(self, most_bytes: int) -> bool:
        """Read at most so much. True if there is more, so that another turn is wanted."""
        ...


class Turns:
    """Those who flood, in a circle.

    Args:
        clock: In seconds; tests pass their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._busy_poll = BusyPoll(clock)
        self._typed_at_s = -TYPING_S
        self._waiting: deque[Flooding] = deque()
        self._step_is_due = False

    def add(self, flooding: Flooding) -> None:
        """Give *flooding* a turn after those who wait already."""
        self._waiting.append(flooding)
        self._schedule()

    def typed(self, count: int) -> None:
        """Know that *count* bytes were typed, into whichever terminal."""
        self._typed_at_s = self._clock()
        self._busy_poll.typed(count)

    def _schedule(self) -> None:
        if self._waiting and not self._step_is_due:
            self._step_is_due = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._step_is_due = False
        first = self._waiting.popleft()
        try:
            if first.take_turn(self._quantum_bytes()):
                self._waiting.append(first)
        finally:  # one that breaks must not stop the others
            self._schedule()

    def _quantum_bytes(self) -> int:
        if self._clock() - self._typed_at_s < TYPING_S:
            return SHORT_BYTES
        return LONG_BYTES if self._waiting else LONE_BYTES
