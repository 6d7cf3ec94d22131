"""Turns of those who flood: how much each may read at once."""

import asyncio

from batwa_agent.terminals.turns import LONE_BYTES, LONG_BYTES, SHORT_BYTES, TYPING_S, Turns


class Flood:
    """Has more to read for *left* turns."""

    def __init__(self, left: int, taken: list[tuple["Flood", int]]) -> None:
        self.left = left
        self.taken = taken

    def take_turn(self, most_bytes: int) -> bool:
        self.taken.append((self, most_bytes))
        self.left -= 1
        return self.left > 0


async def flow(*lefts: int, typed_s_ago: float = TYPING_S) -> list[tuple[int, int]]:
    """Return who took each turn, and how much it might read."""
    taken: list[tuple[Flood, int]] = []
    now_s = 0.0
    turns = Turns(lambda: now_s)
    floods = [Flood(left, taken) for left in lefts]
    turns.typed(1)
    now_s += typed_s_ago
    for flood in floods:
        turns.add(flood)
    async with asyncio.timeout(10):
        while any(flood.left for flood in floods):
            await asyncio.sleep(0)
    return [(floods.index(flood), most_bytes) for flood, most_bytes in taken]


async def test_who_floods_alone_reads_most() -> None:
    assert await flow(2) == [(0, LONE_BYTES), (0, LONE_BYTES)]


async def test_several_take_turns_until_one_is_left() -> None:
    assert await flow(3, 1) == [(0, LONG_BYTES), (1, LONG_BYTES), (0, LONE_BYTES), (0, LONE_BYTES)]


async def test_turns_are_short_while_somebody_types() -> None:
    assert await flow(1, 1, typed_s_ago=TYPING_S / 2) == [(0, SHORT_BYTES), (1, SHORT_BYTES)]
