"""The progress of a call is the same however its bytes come."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batwa_agent.driver import Progress
from batwa_agent.multipass.progress import ProgressParser

RECORDINGS = Path(__file__).parent.parent / "recordings"
STREAMS = {
    file.stem: recording["stdout"].encode()
    for file in sorted(RECORDINGS.glob("*.json"))
    if (recording := json.loads(file.read_text())).get("argv", [""])[1:2]
    and recording["argv"][1] in {"launch", "start", "stop", "restart", "suspend"}
    and "stdout" in recording
}


def _parts(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


@given(name=st.sampled_from(sorted(STREAMS)), cuts=st.lists(st.integers(0, 1 << 16), max_size=50))
def test_any_split_of_a_recorded_stream_tells_the_same(name: str, cuts: list[int]) -> None:
    whole, split = ProgressParser(), ProgressParser()
    told = [progress for part in _parts(STREAMS[name], cuts) for progress in split.feed(part)]
    assert told == whole.feed(STREAMS[name])


@pytest.mark.parametrize("name", ["20-launch-file-tty", "31-launch-download-tty"])
def test_byte_by_byte_tells_the_same(name: str) -> None:
    split = ProgressParser()
    told = [progress for byte in STREAMS[name] for progress in split.feed(bytes([byte]))]
    assert told == ProgressParser().feed(STREAMS[name])


def test_a_download_counts_up_and_each_change_is_told_once() -> None:
    told = ProgressParser().feed(STREAMS["31-launch-download-tty"])
    percents = [one.percent for one in told if one.phase == "Retrieving image" and one.percent is not None]
    assert percents[0] == 1
    assert percents[-1] == 100
    assert percents == sorted(set(percents))
    assert len(told) == len(set(told))


def test_a_percent_in_an_address_is_not_progress() -> None:
    error = b"launch failed: failed to download from 'http://x/a%20b: 50%': no\r\n"
    assert ProgressParser().feed(error) == []


def test_a_phase_nobody_has_heard_of_is_told_as_it_is() -> None:
    drawn = b"\x1b[2K\x1b[0A\x1b[0EPolishing the flux  \x08/\x08-\x08 \x1b[2K"
    assert ProgressParser().feed(drawn) == [Progress("Polishing the flux")]


@given(st.lists(st.binary(max_size=60), max_size=30))
def test_garbage_never_raises_and_keeps_little(chunks: list[bytes]) -> None:
    parser = ProgressParser()
    for chunk in chunks:
        for progress in parser.feed(chunk):
            assert len(progress.phase) <= 512
            assert progress.percent is None or 0 <= progress.percent <= 100


def test_an_escape_that_never_ends_is_not_kept_for_ever() -> None:
    parser = ProgressParser()
    for _ in range(1000):
        parser.feed(b"\x1b]" + b"x" * 1000)
        parser.feed(b"\x1b[" + b"1;" * 1000)
    assert len(parser._unread) + len(parser._line) < 5000
