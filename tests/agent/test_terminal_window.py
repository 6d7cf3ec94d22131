"""A window holds what its viewer takes in moments, and never so little that both wait for each other."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from batwa_agent.terminals.window import LEAST_BYTES, MOST_BYTES, Window


def takes(window: Window, bytes_s: float, *, acks: int = 200) -> int:
    """Keep *window* full for a viewer of that speed that acknowledges every 32 KiB; return its last size."""
    now_s, sent, acked = 0.0, 0, 0
    for _ in range(acks):
        sent += max(window.room, 0)
        window.sent(sent, now_s)
        acked += 32 << 10
        now_s += (32 << 10) / bytes_s
        window.acknowledge(acked, now_s)
    return sent - acked + window.room


def test_a_viewer_that_takes_all_at_once_gets_the_most() -> None:
    assert takes(Window(0), 1e9) == MOST_BYTES


def test_what_did_not_fit_makes_it_larger_for_a_viewer_that_is_quick() -> None:
    quick, slow = Window(0), Window(0)
    for window, takes_s in ((quick, 1e-4), (slow, 1e-1)):
        assert window.fits(LEAST_BYTES)
        for at_s in range(10):
            assert not window.fits(MOST_BYTES + 1)
            window.sent(at_s + 1, at_s)
            window.acknowledge(at_s + 1, at_s + takes_s)
    assert (quick.room, slow.room) == (MOST_BYTES, LEAST_BYTES)


def test_a_slow_viewer_gets_the_least() -> None:
    assert takes(Window(0), 2e6) == LEAST_BYTES


def test_a_long_way_is_not_mistaken_for_a_slow_viewer() -> None:
    near, far = Window(0), Window(0)
    far.measured(0.2)
    for window in (near, far):
        sent = 0
        for at_s in range(10):
            sent += window.room
            window.sent(sent, at_s)
            window.acknowledge(sent, at_s + 0.2)
    assert (near.room, far.room) == (LEAST_BYTES, MOST_BYTES)


def test_a_long_way_may_be_uneven() -> None:
    window, sent = Window(0), 0
    window.measured(0.2)
    for at_s in range(20):
        sent += window.room
        window.sent(sent, at_s)
        window.acknowledge(sent, at_s + (0.2 if at_s % 2 else 0.24))
    assert window.room == MOST_BYTES


def test_single_keys_that_nobody_acknowledges_fill_no_memory() -> None:
    window = Window(0)
    tracemalloc.start()
    for offset in range(LEAST_BYTES):
        window.sent(offset + 1, offset / 10)
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert window.room == 0
    assert kept_bytes < 32 << 10


@given(st.lists(st.tuples(st.integers(0, MOST_BYTES), st.floats(0, 1)), max_size=50))
def test_what_is_on_its_way_is_bounded_and_an_acknowledgement_of_all_makes_room(
    steps: list[tuple[int, float]],
) -> None:
    window, now_s, sent = Window(0), 0.0, 0
    for ack, passed_s in steps:
        now_s += passed_s
        before = window.room
        sent += max(before, 0)
        window.sent(sent, now_s)
        assert window.acknowledge(sent + 1, now_s) is False
        window.acknowledge(sent - min(ack, sent), now_s)
        assert window.room <= MOST_BYTES
        window.acknowledge(sent, now_s)
        assert LEAST_BYTES <= window.room <= MOST_BYTES
