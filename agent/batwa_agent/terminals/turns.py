"""Fair reading: terminals that flood take turns, one a loop turn; quiet ones wait for one at most."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from batwa_common.busy_poll import BusyPoll

from .output_log import BURST_BYTES

TYPING_S = 0.02
"""How long after a key somebody types."""
PIECE_BYTES = 4 << 10
"""What Linux has ready of a pseudo-terminal at most; a read brings more if more comes meanwhile."""


class Turn(NamedTuple):
    """What who floods may do, one loop turn long."""

    most_bytes: int
    """Read so much at most: `PIECE_BYTES` or more."""
    calm_bytes: int
    """Who brings no more does not flood."""
    wait_s: float = 0.0
    """How long to wait awake for more, in all."""
    gather_bytes: int = 0
    """So much may be read before any of it is shown."""


TYPING = Turn(12 << 10, calm_bytes=8 << 10)
"""While somebody types elsewhere: what an echo may have to wait for."""
TOGETHER = Turn(PIECE_BYTES, calm_bytes=2 << 10, gather_bytes=32 << 10)
"""While nobody does: a second read would wait for the kernel's worker, which fills the others meanwhile."""
ALONE = Turn(BURST_BYTES, calm_bytes=16 << 10, wait_s=1e-3)
"""While nobody types and one floods: one frame for it, within little more than a millisecond."""


class Flooding(Protocol):
    """Something that has more to read than one turn."""

    def take_turn(self, turn: Turn) -> bool:
        """Read. True if there is more, so that another turn is wanted."""
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
        self._typed_into: Flooding | None = None
        self._waiting: deque[Flooding] = deque()
        self._step_is_due = False

    def add(self, flooding: Flooding) -> None:
        """Give *flooding* a turn after those who wait already."""
        self._waiting.append(flooding)
        self._schedule()

    def typed(self, into: Flooding, count: int) -> None:
        """Know that *count* bytes were typed into *into*, whether it floods or not."""
        is_into_several = self._is_typing() and into is not self._typed_into
        self._typed_at_s = self._clock()
        self._typed_into = None if is_into_several else into
        self._busy_poll.typed(count)

    def _schedule(self) -> None:
        if self._waiting and not self._step_is_due:
            self._step_is_due = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._step_is_due = False
        first = self._waiting.popleft()
        try:
            if first.take_turn(self._turn_of(first)):
                self._waiting.append(first)
        finally:  # one that breaks must not stop the others
            self._schedule()

    def _turn_of(self, first: Flooding) -> Turn:
        if self._is_typing() and self._typed_into is not first:  # whose own echo waits for nobody else
            return TYPING
        return TOGETHER if self._waiting else ALONE

    def _is_typing(self) -> bool:
        return self._clock() - self._typed_at_s < TYPING_S
