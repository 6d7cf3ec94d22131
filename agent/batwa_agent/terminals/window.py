"""How much output may be on its way to one viewer: so much as it takes in moments. No I/O.

More would be seconds of it between Ctrl-C and the prompt. What an acknowledgement takes beyond the way there
and back is time that bytes waited for the viewer.
"""

from collections import deque

LEAST_BYTES = 64 << 10
"""Always allowed: a viewer may wait for this much before it acknowledges."""
MOST_BYTES = 256 << 10
"""Two of the largest frames, so that one is on its way while the other is acknowledged; about 2 ms."""
_STEP_BYTES = 32 << 10
_GRAIN_BYTES = 1 << 10
"""Times are kept for pieces of this size at least: single keys must not fill memory."""
_WAIT_S = 0.002
"""Bytes that wait longer for their viewer were too many: it is what Ctrl-C may take."""
_JITTER = 0.25
"""Of the way there and back: so much of it may be the network's, not a viewer that is slow."""


class Window:
    """From *offset* on, nothing is on its way yet."""

    def __init__(self, offset: int) -> None:
        self._acked = self._sent = offset
        self._bytes = LEAST_BYTES
        self._was_short = False
        self._way_s: float | None = None
        self._under_way: deque[tuple[int, float]] = deque()

    @property
    def room(self) -> int:
        """Bytes that may be sent now; none or less when it is full."""
        return self._acked + self._bytes - self._sent

    def fits(self, count: int) -> bool:
        """Tell whether *count* bytes may be sent now; if not, it grows for a viewer that is quick."""
        if count > self.room:
            self._was_short = True
        return count <= self.room

    def sent(self, offset: int, now_s: float) -> None:
        """All up to *offset* is on its way."""
        self._sent = offset
        if len(self._under_way) > 1 and offset - self._under_way[-2][0] < _GRAIN_BYTES:
            self._under_way.pop()
        self._under_way.append((offset, now_s))

    def acknowledge(self, offset: int, now_s: float) -> bool:
        """All up to *offset* was taken; False if that is no news, or was never sent."""
        if not self._acked < offset <= self._sent:
            return False
        was_short, self._was_short = self._was_short or self.room <= 0, False
        self._acked = offset
        end, left_s = 0, now_s
        while self._under_way and self._under_way[0][0] <= offset:
            end, left_s = self._under_way.popleft()
        if end < offset and self._under_way:  # the last of it is the first of what left next
            left_s = self._under_way[0][1]
        way_s = self._way_s or 0.0
        if now_s - left_s > way_s + max(_WAIT_S, _JITTER * way_s):
            self._bytes = max(LEAST_BYTES, self._bytes - _STEP_BYTES // 2)
        elif was_short or self.room < _STEP_BYTES:
            self._bytes = min(MOST_BYTES, self._bytes + _STEP_BYTES)
        return True

    def measured(self, way_s: float) -> None:
        """The way there and back took *way_s*, waiting included; the shortest counts."""
        self._way_s = way_s if self._way_s is None else min(self._way_s, way_s)
