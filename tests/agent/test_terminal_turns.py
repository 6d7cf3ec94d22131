"""Turns of those who flood: what each may do."""

import asyncio

from batwa_agent.terminals.turns import ALONE, TOGETHER, TYPING, TYPING_S, Turn, Turns


class Flood:
    """Has more to read for *left* turns."""

    def __init__(self, left: int, taken: list[tuple["Flood", Turn]]) -> None:
        self.left = left
        self.taken = taken

    def take_turn(self, turn: Turn) -> bool:
        self.taken.append((self, turn))
        self.left -= 1
        return self.left > 0


async def flow(
    *lefts: int, typed_s_ago: float = TYPING_S, into: tuple[int, ...] = (-1,)
) -> list[tuple[int, Turn]]:
    """Return who took each turn, and which; keys went *into* these floods, or (-1) into a quiet one."""
    taken: list[tuple[Flood, Turn]] = []
    now_s = 0.0
    turns = Turns(lambda: now_s)
    floods = [Flood(left, taken) for left in lefts]
    for number in into:
        turns.typed([*floods, Flood(0, taken)][number], 1)
    now_s += typed_s_ago
    for flood in floods:
        turns.add(flood)
    async with asyncio.timeout(10):
        while any(flood.left for flood in floods):
            await asyncio.sleep(0)
    return [(floods.index(flood), turn) for flood, turn in taken]


async def test_who_floods_alone_reads_most() -> None:
    assert await flow(2) == [(0, ALONE), (0, ALONE)]


async def test_several_take_turns_until_one_is_left() -> None:
    assert await flow(3, 1) == [(0, TOGETHER), (1, TOGETHER), (0, ALONE), (0, ALONE)]


async def test_turns_are_short_while_somebody_types() -> None:
    assert await flow(1, 1, typed_s_ago=TYPING_S / 2) == [(0, TYPING), (1, TYPING)]


async def test_nobodys_echo_waits_for_the_one_that_was_typed_into() -> None:
    assert await flow(2, typed_s_ago=TYPING_S / 2, into=(0,)) == [(0, ALONE), (0, ALONE)]
    assert await flow(1, 1, typed_s_ago=TYPING_S / 2, into=(0,)) == [(0, TOGETHER), (1, TYPING)]


async def test_keys_into_one_that_floods_hide_no_keys_into_another() -> None:
    assert await flow(1, typed_s_ago=TYPING_S / 2, into=(-1, 0)) == [(0, TYPING)]
    assert await flow(1, typed_s_ago=TYPING_S / 2, into=(-1, 0, 0)) == [(0, TYPING)]
