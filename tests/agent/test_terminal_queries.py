"""Replayed output asks a viewer's terminal nothing, however it is split, and is the same otherwise."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batwa_agent.terminals.queries import QueryFilter, cut_query_bytes

QUESTIONS = [
    b"\x1b[c",
    b"\x1b[0c",
    b"\x1b[>c",
    b"\x1b[=0c",
    b"\x1b[5n",
    b"\x1b[6n",
    b"\x1b[?6n",
    b"\x1b[?996n",
    b"\x1b[?2026$p",
    b"\x1b[4$p",
    b"\x1b[x",
    b"\x1b[18t",
    b"\x1b[14;2t",
    b"\x1b[21t",
    b"\x1b[>q",
    b"\x1b[>0q",
    b"\x1b[?u",
    b"\x1b[?1;1;0S",
    b"\x1b[?4m",
    b"\x1bP$qm\x1b\\",
    b"\x1bP+q544e\x1b\\",
    b"\x1b]10;?\x07",
    b"\x1b]11;?\x1b\\",
    b"\x1b]4;1;?\x07",
    b"\x1b]52;c;?\x07",
    b"\x1bZ",
    b"\x05",
    b"\xc2\x9bc",
    b"\xc2\x9b6n",
    b"\x1b_Gi=1,a=q;AAAA\x1b\\",
    b"\x1b]1337;ReportCellSize\x07",
    b"\x1b[#R",
    b"\x1b[1;1;1;1#|",
]
HARMLESS = [
    b"plain text\r\n",
    "grüße 🌍\n".encode(),
    b"\x1b[1;31mred\x1b[0m",
    b"\x1b[?1049h",
    b"\x1b[2J\x1b[H",
    b"\x1b[?25l",
    b"\x1b]0;a title\x07",
    b"\x1b]2;what?\x1b\\",
    b"\x1b[>4;2m",
    b"\x1b[22;0;0t",
    b"\x1b[8;24;80t",
    b"\x1b[2 q",
    b"\x1b(0lqqk\x1b(B",
    b"\x1b[u",
    b"\x1b[s",
    b"\x1b[>1u",
    b"\x1b]8;;http://x/?q=1\x07link\x1b]8;;\x07",
    b"\x1bM",
    b"\x1b7\x1b8",
    b"\x1b[5S",
    b"\x1b[3P",
    b"\x1b[>4n",
    b"\x1b]10;#ffffff\x07",
    b"\x1bPq#0~-\x1b\\",
    b"\x07\x08\t",
    b"\x1b=",
    b"\x1b[!p",
]


def filtered(data: bytes, cuts: list[int]) -> bytes:
    questions, shown, at = QueryFilter(), b"", 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        shown += questions.feed(data[at:cut])
        at = cut
    return shown + questions.finish()


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_left_out_wherever_it_is_cut(question: bytes) -> None:
    for cut in range(len(question) + 1):
        assert filtered(b"before" + question + b"after", [6 + cut]) == b"beforeafter"


@pytest.mark.parametrize("harmless", HARMLESS)
def test_what_asks_nothing_stays(harmless: bytes) -> None:
    for cut in range(len(harmless) + 1):
        assert filtered(harmless + b"$ ", [cut]) == harmless + b"$ "


@given(
    st.lists(st.sampled_from([*QUESTIONS, *HARMLESS, b"text"]), max_size=30), st.lists(st.integers(0, 2000))
)
def test_any_mixture_in_any_pieces_loses_just_the_questions(parts: list[bytes], cuts: list[int]) -> None:
    kept = b"".join(part for part in parts if part not in QUESTIONS)
    assert filtered(b"".join(parts), cuts) == kept


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_any_bytes_in_any_pieces_give_the_same(data: bytes, cuts: list[int]) -> None:
    assert filtered(data, cuts) == filtered(data, [])


def test_a_control_character_inside_a_question_has_its_effect() -> None:
    assert filtered(b"a\x1b[6\r\nnb", []) == b"a\r\nb"


@pytest.mark.parametrize("question", [q for q in QUESTIONS if len(q) > 1])
def test_the_rest_of_a_question_that_was_begun_is_known(question: bytes) -> None:
    for cut in range(1, len(question)):
        before, after = b"text" + question[:cut], question[cut:] + b"more"
        left = cut_query_bytes(before, after)
        assert left == len(question) - cut or question[:cut].endswith(b"\x1b") or left > 0
        assert after[left:].endswith(b"more")
    assert cut_query_bytes(b"\x1b[1", b"mred") == 0
    assert cut_query_bytes(b"text", b"text") == 0


def test_a_sequence_without_end_is_let_through_in_the_end() -> None:
    questions = QueryFilter()
    shown = questions.feed(b"\x1b]0;" + b"x" * 200_000)
    assert len(shown) + questions.held_bytes == 200_004


@pytest.mark.parametrize("start", [b"\xc2\x9d", b"\xc2\x90", b"\x1b]", b"\x1b["])
def test_many_beginnings_without_an_end_take_no_time(start: bytes) -> None:
    began_s = time.monotonic()
    filtered(start * (32 << 10), [])
    assert time.monotonic() - began_s < 1  # one after the other from each would be minutes


def test_a_string_ends_where_another_begins() -> None:
    assert filtered(b"\xc2\x9d0;title\xc2\x9d11;?\x07$ ", []) == b"\xc2\x9d0;title$ "
    assert cut_query_bytes(b"\xc2\x9d0;title\xc2\x9d11;", b"?\x07$ ") == 2
