"""Busy polling: the loop stays awake after keys that come one on the other, and only then."""

import asyncio
import selectors

import pytest

from batwa_common.busy_poll import KEY_BYTES, POLL_S, QUICK_S, BusyPoll

TURNS = 10
"""How many fit into the time that the loop stays awake."""


class Counted(selectors.DefaultSelector):
    """Counts how often it is asked not to sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.awake = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.awake += timeout is not None and timeout <= 0
        return super().select(timeout)


async def turns_awake(selector: Counted, keys: list[tuple[float, int]]) -> int:
    """Type *keys*: each so many seconds after the one before, and of so many bytes."""
    now_s = 100.0

    def clock() -> float:
        nonlocal now_s
        now_s += POLL_S / TURNS
        return now_s

    busy_poll = BusyPoll(clock)
    for after_s, count in keys:
        now_s += after_s
        busy_poll.typed(count)
    before = selector.awake
    await asyncio.sleep(0.05)
    return selector.awake - before


@pytest.mark.parametrize(
    ("keys", "stays_awake"),
    [
        ([(0.0, 1)], False),
        ([(0.0, 1), (0.0, 1)], True),
        ([(0.0, 1), (QUICK_S, 1)], False),
        ([(0.0, 1), (0.0, KEY_BYTES)], True),
        ([(0.0, 1), (0.0, KEY_BYTES + 1)], False),
    ],
    ids=["one key", "a script's keys", "a person's keys", "a long key", "a paste"],
)
def test_the_loop_stays_awake_only_between_quick_keys(
    keys: list[tuple[float, int]], stays_awake: bool
) -> None:
    selector = Counted()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        awake = runner.run(turns_awake(selector, keys))

    assert TURNS - 3 <= awake <= TURNS + 1 if stays_awake else awake <= 1
