"""Fair reading: terminals that flood take turns, one quantum a loop turn; quiet ones wait for one at most."""

import asyncio
from collections import deque
from typing import Protocol

QUANTUM_BYTES = 12 << 10
"""A turn when several flood: what a quiet terminal's key may have to wait for. Whoever brings it, floods."""
LONE_BYTES = 64 << 10
"""A turn when one floods alone: one frame for it."""


class Flooding(Protocol):
    """Something that has more to read than one quantum."""

    def take_turn(self, most_bytes: int) -> bool:
        """Read at most so much. True if there is more, so that another turn is wanted."""
        ...


class Turns:
    """Those who flood, in a circle."""

    def __init__(self) -> None:
        self._waiting: deque[Flooding] = deque()
        self._step_is_due = False

    def add(self, flooding: Flooding) -> None:
        """Give *flooding* a turn after those who wait already."""
        self._waiting.append(flooding)
        self._schedule()

    def _schedule(self) -> None:
        if self._waiting and not self._step_is_due:
            self._step_is_due = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._step_is_due = False
        first = self._waiting.popleft()
        try:
            if first.take_turn(QUANTUM_BYTES if self._waiting else LONE_BYTES):
                self._waiting.append(first)
        finally:  # one that breaks must not stop the others
            self._schedule()
