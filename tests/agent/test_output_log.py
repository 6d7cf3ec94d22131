"""The log of a terminal: every byte by its offset, across overflow and across a kill."""

import sys
from mmap import mmap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from batwa_agent.terminals.output_log import ROOM_BYTES, OutputLog, memory_bytes

KEEP = 24 << 10


def numbered(start: int, count: int) -> bytes:
    """Return the bytes of an endless stream in which every place looks different."""
    first = start // 8
    words = b"".join(b"%08x" % n for n in range(first, first + count // 8 + 2))
    return words[start % 8 : start % 8 + count]


class Log(RuleBasedStateMachine):
    """Output, viewers that come, take and go, in any order."""

    @initialize()
    def begin(self) -> None:
        self.memory = mmap(-1, memory_bytes(KEEP))
        self.log = OutputLog(self.memory)
        self.end = 0
        self.viewers: dict[int, int] = {}
        self.count = 0

    @rule(count=st.integers(1, 3 * KEEP))
    def output(self, count: int) -> None:
        self.log.append(numbered(self.end, count))
        self.end += count

    @rule(count=st.integers(1, ROOM_BYTES))
    def read_from_a_terminal(self, count: int) -> None:
        room = self.log.room()
        count = min(count, len(room))
        room[:count] = numbered(self.end, count)
        self.log.took(count)
        self.end += count

    @rule(back=st.integers(0, 2 * KEEP))
    def attach(self, back: int) -> None:
        self.count += 1
        self.viewers[self.count] = max(0, self.end - back)

    @rule(data=st.data(), count=st.integers(1, KEEP))
    def look(self, data: st.DataObject, count: int) -> None:
        if not self.viewers:
            return
        viewer = data.draw(st.sampled_from(sorted(self.viewers)))
        offset = self.viewers[viewer]
        stop = min(offset + count, self.end)
        if offset < self.log.kept_from:
            with pytest.raises(ValueError, match="is not within"):
                self.log.read(offset, stop)
            self.viewers[viewer] = self.end  # told so, and begins anew
        else:
            there = numbered(offset, stop - offset)
            assert self.log.read(offset, stop) == there
            for byte in (b"0", b"7", b"f", b"\xff"):
                assert self.log.has(byte, offset, stop) == (byte in there)
            self.viewers[viewer] = stop

    @rule(data=st.data())
    def detach(self, data: st.DataObject) -> None:
        if self.viewers:
            del self.viewers[data.draw(st.sampled_from(sorted(self.viewers)))]

    @rule(count=st.integers(0, ROOM_BYTES))
    def kill_in_the_middle_of_a_read(self, count: int) -> None:
        room = self.log.room()
        count = min(count, len(room))
        room[:count] = numbered(self.end, count)  # read, never counted
        self.log = OutputLog(self.memory)
        self.end += count

    @invariant()
    def all_that_must_be_kept_is(self) -> None:
        assert self.log.end == self.end
        assert self.log.kept_from == max(0, self.end - KEEP)
        assert self.log.read(self.log.kept_from, self.end) == numbered(
            self.log.kept_from, self.end - self.log.kept_from
        )


TestLog = Log.TestCase
TestLog.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.lists(st.binary(max_size=3 * ROOM_BYTES), max_size=20))
@settings(deadline=None, max_examples=50)
def test_any_bytes_come_back(chunks: list[bytes]) -> None:
    output = OutputLog(bytearray(memory_bytes(KEEP)))
    for chunk in chunks:
        output.append(chunk)
    everything = b"".join(chunks)
    assert output.read(output.kept_from, output.end) == everything[-KEEP:]


def test_what_is_not_there_is_refused() -> None:
    output = OutputLog(bytearray(memory_bytes(KEEP)))
    output.append(b"x" * (2 * KEEP))
    for start, stop in ((0, 1), (KEEP - 1, KEEP), (2 * KEEP, 2 * KEEP + 1), (2 * KEEP, KEEP)):
        with pytest.raises(ValueError, match="is not within"):
            output.read(start, stop)


@pytest.mark.parametrize("uncounted", [b"", b"read, not counted"])
def test_a_log_of_the_format_before_goes_on(uncounted: bytes) -> None:
    memory = bytearray(memory_bytes(KEEP))
    head, blank = 4 << 10, 4 << 10
    size = len(memory) - head
    end = 3 * size + 1000
    before, at = numbered(end - size, size), end % size
    memory[:16] = b"batwalog" + end.to_bytes(8, sys.byteorder)
    memory[head:] = before[size - at :] + before[: size - at]
    memory[head + at : head + at + blank] = uncounted.ljust(blank, b"\xff")

    output = OutputLog(memory)

    assert output.end == end + len(uncounted)
    assert output.read(output.kept_from, end) == numbered(output.kept_from, end - output.kept_from)
    assert output.read(end, output.end) == uncounted
    assert OutputLog(memory).end == output.end
