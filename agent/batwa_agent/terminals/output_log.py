"""What a terminal has put out, addressed by byte offset; the oldest is forgotten. Does no I/O of its own.

The bytes lie in memory that the caller gives. In a shared mapping of a file they are the kernel's the
moment they are read from the terminal, so that a killed process loses none.
"""

import mmap

ROOM_BYTES = 16 << 10
"""Most that is read at once."""
BURST_BYTES = 128 << 10
"""The largest `OutputLog.burst_bytes`."""
_HEADER_BYTES = 4 << 10
_MAGIC = b"batwalg2"
_AHEAD_BYTES = {b"batwalog": 4 << 10, _MAGIC: ROOM_BYTES}
"""How far ahead of the end a log of each format is blank."""
_BLANK = b"\xff" * ROOM_BYTES
"""Lies ahead of the end: no UTF-8 text has this byte, so it shows how far an uncounted read got."""
_SPARE_BYTES = 3 * ROOM_BYTES
"""Of the ring, beyond what is kept: so far ahead of the end is blank before a read is counted."""

Pieces = tuple[memoryview, ...]
"""Consecutive bytes, in two pieces where the ring's end lies between. Copy them before the log goes on."""


def memory_bytes(keep_bytes: int) -> int:
    """Return the memory that a log of the last *keep_bytes* needs."""
    return _HEADER_BYTES + keep_bytes + _SPARE_BYTES


class OutputLog:
    """A ring over *memory*: zeros for a new log, or what an earlier one left, which it goes on from.

    Of bytes that were read but not counted when its process was killed, all are found but an end of 0xFF.
    """

    def __init__(self, memory: bytearray | mmap.mmap) -> None:
        self._buffer = memory
        self._memory = memoryview(memory)
        self._end = self._memory[8:16].cast(
            "Q"
        )  # stored with one instruction: a kill finds the old or the new
        self._ring = self._memory[_HEADER_BYTES:]
        self._size = len(self._ring)
        self.keep_bytes = self._size - _SPARE_BYTES
        self.burst_bytes = min(BURST_BYTES, self.keep_bytes // 4)
        """Most that is added before its readers are told, so that they are not outrun."""
        end = self._end[0] + self._uncounted(_AHEAD_BYTES.get(bytes(self._memory[:8]), 0))
        self._blank(end)  # before they are counted: a kill in between finds them again
        self._blank_to = end + ROOM_BYTES
        self._memory[:8] = _MAGIC
        self._end[0] = end

    @property
    def end(self) -> int:
        """The offset of the next byte."""
        return self._end[0]

    @property
    def kept_from(self) -> int:
        """The offset of the oldest byte kept."""
        return max(0, self._end[0] - self.keep_bytes)

    def room(self, most_bytes: int = ROOM_BYTES) -> memoryview:
        """Return where the next bytes belong: *most_bytes* and `ROOM_BYTES` at most, never none."""
        at = self._end[0] % self._size
        return self._ring[at : at + min(most_bytes, ROOM_BYTES)]

    def took(self, count: int) -> None:
        """Count *count* bytes that were put into `room`."""
        end = self._end[0] + count
        if end + ROOM_BYTES > self._blank_to:
            self._blank(self._blank_to)
            self._blank_to += ROOM_BYTES
        self._end[0] = end

    def append(self, data: bytes) -> None:
        """Add *data*."""
        rest = memoryview(data)
        while rest:
            room = self.room()
            count = min(len(room), len(rest))
            room[:count] = rest[:count]
            self.took(count)
            rest = rest[count:]

    def pieces(self, start: int, stop: int) -> Pieces:
        """Return the bytes from *start* up to *stop*, all of them kept. Raises ValueError."""
        if not self.kept_from <= start <= stop <= self._end[0]:
            raise ValueError(f"{start} to {stop} is not within {self.kept_from} to {self._end[0]}")
        at, count = start % self._size, stop - start
        if at + count <= self._size:
            return (self._ring[at : at + count],)
        return self._ring[at:], self._ring[: at + count - self._size]

    def read(self, start: int, stop: int) -> bytes:
        """Return a copy of the bytes from *start* up to *stop*. Raises ValueError as `pieces` does."""
        return b"".join(self.pieces(start, stop))

    def has(self, byte: bytes, start: int, stop: int) -> bool:
        """Tell whether *byte* is among those from *start* up to *stop*, all of them kept; copies nothing."""
        at = _HEADER_BYTES + start % self._size
        over = at + stop - start - len(self._memory)
        return (
            self._buffer.find(byte, at, at + stop - start) >= 0
            or self._buffer.find(byte, _HEADER_BYTES, _HEADER_BYTES + max(0, over)) >= 0
        )

    def rest(self) -> None:
        """Give a mapping's memory back until it is touched again: its file has the bytes (madvise(2))."""
        if isinstance(self._buffer, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            self._buffer.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Let go of the memory."""
        self._end.release()
        self._ring.release()
        self._memory.release()

    def _blank(self, start: int) -> None:
        at = start % self._size
        first = min(ROOM_BYTES, self._size - at)
        self._ring[at : at + first] = _BLANK[:first]
        self._ring[: ROOM_BYTES - first] = _BLANK[first:]

    def _uncounted(self, ahead_bytes: int) -> int:
        at = self._end[0] % self._size
        ahead = bytes(self._ring[at : at + ahead_bytes])  # a read never goes over the ring's end
        return len(ahead.rstrip(b"\xff"))
