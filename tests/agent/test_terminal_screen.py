"""The screen of a terminal: rendered and shown again it is the same, also when its beginning is forgotten."""

import asyncio
import itertools
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batwa_agent.terminals.emulator import Emulator
from batwa_agent.terminals.output_log import OutputLog, memory_bytes
from batwa_agent.terminals.rendering import rendered
from batwa_agent.terminals.screen import SCAN_BYTES, Modes, Screen
from batwa_agent.terminals.viewer import Size

ROWS, COLS = 12, 40
KEEP = 256 << 10
PARTS = [
    b"plain words ",
    b"\r\n",
    b"\n",
    b"\t",
    b"\x08",
    "grüße 漢字 ".encode(),
    b"\x1b[31m",
    b"\x1b[1;44m",
    b"\x1b[0m",
    b"\x1b[7m",
    b"\x1b[38;5;208m",
    b"\x1b[48;2;1;2;3m",
    b"\x1b[38:2::9:8:7m",
    b"\x1b[H",
    b"\x1b[5;7H",
    b"\x1b[2J",
    b"\x1b[K",
    b"\x1b[1K",
    b"\x1b[3;9r",
    b"\x1b[r",
    b"\x1b[?1049h",
    b"\x1b[?1049l",
    b"\x1b[?25l",
    b"\x1b[?25h",
    b"\x1b[?2004h",
    b"\x1b[2L",
    b"\x1b[2M",
    b"\x1b[3P",
    b"\x1b[3@",
    b"\x1b[2S",
    b"\x1b[2T",
    b"\x1bM",
    b"\x1b7",
    b"\x1b8",
    b"\x1b(0lqk\x1b(B",
    b"x\x1b[5b",
    b"\x1b]2;title\x07",
    b"\x1bP1$r0m\x1b\\",
    b"\x1b[>4;2m",
    b"\x1b[?u",
    b"\x1b[4h",
    b"\x1b[4l",
    b"\x1b=",
    b"\x1b[99;99;99A",
    b"\x1b[s",
    b"\x1b[u",
    b"\x1b[2Z",
]


def look(screen: Emulator) -> object:
    """Return all that a person sees."""
    blank = screen.default_char
    cells = [[screen.buffer[y][x] for x in range(COLS)] for y in range(ROWS)]
    shown = [[cell._replace(data=cell.data or blank.data) for cell in line] for line in cells]
    cursor = (screen.cursor.y, min(screen.cursor.x, COLS - 1), screen.cursor.hidden)
    return shown, cursor, screen.title, screen.margins, screen.main is None, screen.application_keypad


def shown(*chunks: bytes) -> Emulator:
    screen = Emulator(ROWS, COLS)
    for chunk in chunks:
        screen.feed(chunk)
    return screen


@given(st.lists(st.sampled_from(PARTS), max_size=60))
@settings(deadline=None, max_examples=200)
def test_a_rendered_screen_is_the_same_screen(parts: list[bytes]) -> None:
    screen = shown(b"".join(parts))
    again = shown(b"\x1b[?1049hsomething else\x1b[5;6r\x1b[31;7m", rendered(screen))
    assert look(again) == look(screen)
    for one in (screen, again):
        one.feed(b"\x1b[?1049l")
    assert [line.rstrip() for line in again.display] == [line.rstrip() for line in screen.display]


@given(st.lists(st.sampled_from(PARTS), max_size=30), st.lists(st.integers(0, 300), max_size=6))
@settings(deadline=None, max_examples=100)
def test_how_output_is_cut_does_not_matter(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert look(shown(*pieces)) == look(shown(data))


@given(st.binary(max_size=500))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_survived(data: bytes) -> None:
    rendered(shown(data))


NUMBERS = st.sampled_from(["", "0", "1", "3", "5", "²", "47", "999", "1049", "99999999999"])
SEQUENCES = st.builds(
    lambda private, numbers, between, final: f"\x1b[{private}{';'.join(numbers)}{between}{final}".encode(),
    st.sampled_from(["", "", "?", ">"]),
    st.lists(NUMBERS, max_size=5),
    st.sampled_from(["", "", "$", "!", " "]),
    st.characters(min_codepoint=0x40, max_codepoint=0x7E),
)


@given(st.lists(SEQUENCES | st.sampled_from(PARTS) | st.binary(max_size=9), max_size=40))
@settings(deadline=None, max_examples=200)
@example([b"\x1b[5K"])
@example([b"\x1b[?6h", b"\x1b[3d"])
@example(["\x1b[1;²H".encode()])
def test_any_sequences_are_survived(parts: list[bytes]) -> None:
    rendered(shown(*parts))


def test_a_cell_takes_few_accents() -> None:
    screen = shown(b"e" + "\u0301".encode() * 5000, b"\x1b[D\x1b[C" + "\u0301".encode() * 5000)
    assert len(screen.buffer[0][0].data) < 20


@pytest.mark.parametrize("costly", [b"\x1b#8", b"a\x1b[9999b"])
async def test_a_screen_that_is_much_work_holds_nobody_up(costly: bytes) -> None:
    output = OutputLog(bytearray(memory_bytes(KEEP)))
    screen = Screen(output, Size(60, 200))
    output.append(costly * 200)
    looking = asyncio.ensure_future(screen.render())
    longest_s = 0.0
    while not looking.done():
        began_s = time.monotonic()
        await asyncio.sleep(0)
        longest_s = max(longest_s, time.monotonic() - began_s)
    assert longest_s < 0.5
    assert (await looking).offset == output.end


def test_modes_that_nobody_has_are_not_kept() -> None:
    modes = Modes()
    for number in range(0, 300_000, 1000):
        modes.feed(b"".join(b"\x1b[?%dh" % each for each in range(number, number + 1000)))
    modes.feed(b"\x1b[?2004l\x1b[?01049h ")
    kept = modes.sequence()
    assert b"\x1b[?1h" in kept and b"\x1b[?2004l" in kept and b"\x1b[?1049h" in kept
    assert len(kept) < 500


FORGOTTEN = {
    "a shell": (b"\x1b[?2004h$ ", b"line of text\r\n", b"$ ls\r\n"),
    "full screen": (
        b"\x1b[?1049h\x1b[?1h\x1b=\x1b]2;vim\x07",
        b"\x1b[H\x1b[2Jline\r\n\x1b[32mgreen\x1b[0m",
        b"\x1b[12;1H-- INSERT --",
    ),
}


@pytest.mark.parametrize("kind", FORGOTTEN)
async def test_modes_outlive_the_bytes_that_set_them(kind: str) -> None:
    begin, often, end = FORGOTTEN[kind]
    output = OutputLog(bytearray(memory_bytes(KEEP)))
    screen = Screen(output, Size(ROWS, COLS))
    everything = begin + often * (1 + 2 * KEEP // len(often)) + end
    for at in range(0, len(everything), 60_000):
        output.append(everything[at : at + 60_000])
        screen.note()
    picture = await screen.render()
    assert picture.offset == len(everything) and output.kept_from > len(begin)
    assert look(shown(picture.data)) == look(shown(begin + often * 50 + end))


async def test_what_was_drawn_once_stays_while_output_is_slow_enough_to_follow() -> None:
    output = OutputLog(bytearray(memory_bytes(KEEP)))
    screen = Screen(output, Size(ROWS, COLS))
    output.append(b"\x1b[2J\x1b[Hdrawn once")
    for _ in range(12):
        output.append(b"\x1b[5;1Hbusy \x1b[K" * (KEEP // 60))
        screen.note()
        if screen.wants_following:
            await screen.follow()
    assert output.kept_from > 100
    picture = await screen.render()
    assert shown(picture.data).display[0].startswith("drawn once")


async def test_a_new_size_counts_from_where_it_was_set() -> None:
    output = OutputLog(bytearray(memory_bytes(KEEP)))
    screen = Screen(output, Size(ROWS, COLS))
    output.append(b"x" * COLS + b"\r\n")
    screen.resize(Size(5, 10))
    output.append(b"\x1b[2J\x1b[H" + b"y" * 15)
    display = shown((await screen.render()).data).display
    assert [line.rstrip() for line in display[:2]] == ["y" * 10, "y" * 5]


async def test_an_adopted_log_that_is_full_goes_on() -> None:
    memory = bytearray(memory_bytes(2 * SCAN_BYTES))
    OutputLog(memory).append(b"x" * 5 * SCAN_BYTES)
    log = OutputLog(memory)
    screen = Screen(log, Size(24, 80))

    for _ in range(9):
        log.append(b"y" * log.burst_bytes)
        screen.note()

    assert (await screen.render()).offset == log.end
