"""What a terminal tells its recording, and what stands on disk."""

import asyncio
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from batwa_agent.recordings.recording import (
    LINE_BYTES,
    LINE_CHARS,
    WAITING_BYTES,
    Event,
    Recorder,
    Script,
)
from batwa_agent.recordings.recordings import Bounds, Recordings
from batwa_agent.terminals.output_log import BURST_BYTES
from batwa_common.errors import Conflict, NotFound


def recordings(directory: Path, **bounds: Any) -> Recordings:
    return Recordings(directory, agent_id="oslo", bounds=Bounds(**bounds))


def begin(store: Recordings, **more: Any) -> Recorder:
    facts = {"terminal_id": "oslo~t1", "vm_name": "web", "rows": 24, "cols": 80, "created_by": "ada"}
    return store.begin(**{**facts, **more})


def newest_s(directory: Path) -> float:
    return max(file.stat().st_mtime for file in directory.iterdir())


def total_bytes(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir())


def only_file(directory: Path) -> IO[bytes]:
    """Return the only file there, open, so that it outlives its name."""
    (path,) = directory.iterdir()
    return path.open("rb")


async def content(store: Recordings, recording_id: str) -> bytes:
    size, chunks = await store.read(recording_id)
    body = b"".join([chunk async for chunk in chunks])
    assert len(body) == size
    return body


def events(cast: bytes) -> list[Any]:
    """Return the events of a file that is valid asciicast v2, its header first."""
    head, *rest = [json.loads(each) for each in cast.decode().splitlines()]
    assert head["version"] == 2 and head["width"] > 0 and head["height"] > 0
    times = [at for at, _, _ in rest]
    assert times == sorted(times) and all(kind in "oirm" for _, kind, _ in rest)
    return [head, *rest]


@given(st.text(), st.lists(st.integers(min_value=0, max_value=400)))
def test_characters_torn_anywhere_come_out_whole(text: str, cuts: list[int]) -> None:
    data = text.encode(errors="replace")
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [Event(n, "o", data[a:b]) for n, (a, b) in enumerate(pairwise(edges))]

    script = Script()
    pieces.append(Event(len(edges), "m", b"ended"))
    lines = b"".join(script.lines([piece]) for piece in pieces)

    told = [json.loads(each) for each in lines.splitlines()]
    assert "".join(text for _, kind, text in told if kind == "o") == data.decode()
    assert told[-1][1:] == ["m", "ended"]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    lines = Script().lines([Event(0, "o", b"a\xffb\xe2\x82"), Event(1, "m", b"exit 0")])

    assert [json.loads(each)[2] for each in lines.splitlines()] == ["a\ufffdb", "\ufffd", "exit 0"]


@pytest.mark.parametrize("letter", ["\0", "\x7f", "€", "\U0001f600", '"', "\udcff"])
def test_a_line_has_a_longest_length_whatever_is_shown(letter: str) -> None:
    text = letter * (3 * LINE_CHARS + 1)
    data = text.encode(errors="surrogateescape")

    lines = Script().lines([Event(3e7 + 1 / 3, "o", data)]).splitlines(keepends=True)

    assert max(map(len, lines)) <= LINE_BYTES
    assert "".join(json.loads(each)[2] for each in lines) == data.decode(errors="replace")


async def test_a_terminal_that_shows_nothing_but_control_bytes_can_be_told_about(tmp_path: Path) -> None:
    store = recordings(tmp_path)
    await store.load()
    recorder = begin(store)
    recorder.output(bytes(BURST_BYTES))
    await store.flush()
    with (tmp_path / f"{recorder.id.partition('~')[2]}.cast").open("ab") as torn:
        torn.write(b'[1.0, "o", "' + b"\\u0000" * (LINE_CHARS - 1))

    assert (await store.get(recorder.id)).state == "recording"
    told = events(await content(store, recorder.id))[1:]
    assert "".join(text for _, _, text in told) == "\0" * BURST_BYTES
    await store.stop()


def test_keys_are_forgotten_unless_asked_for() -> None:
    silent, told = Recorder("a"), Recorder("b", with_input=True)
    for recorder in (silent, told):
        recorder.input(b"secret")

    assert not silent.take()
    assert [event.data for event in told.take()] == [b"secret"]


def test_a_disk_that_does_not_keep_up_costs_output_and_not_memory() -> None:
    recorder = Recorder("a")
    for _ in range(100):
        recorder.output(bytes(64 << 10))

    waiting = recorder.take()

    assert sum(len(event.data) for event in waiting) <= WAITING_BYTES
    lost = (100 << 16) - sum(len(event.data) for event in waiting if event.kind == "o")
    assert waiting[-1].kind == "m" and waiting[-1].data == b"%d bytes are not recorded" % lost


async def test_what_was_shown_is_a_valid_cast(tmp_path: Path) -> None:
    store = recordings(tmp_path / "casts")
    await store.load()
    recorder = begin(store)
    recorder.output("€".encode()[:1])
    await store.flush()
    recorder.output("€".encode()[1:])
    recorder.resize(rows=30, cols=100)
    recorder.end(7)
    await store.flush()

    head, *rest = events(await content(store, recorder.id))

    assert [(kind, text) for _, kind, text in rest] == [("o", "€"), ("r", "100x30"), ("m", "exit 7")]
    told = await store.get(recorder.id)
    assert told.exit_code == 7 and told.state == "ended" and told.vm_name == "web"
    assert head["batwa"]["terminal_id"] == told.terminal_id == "oslo~t1"
    assert await store.find() == [told]
    await store.stop()


async def test_an_end_during_a_write_is_told_by_the_next(tmp_path: Path) -> None:
    store = recordings(tmp_path)
    await store.load()
    recorder = begin(store)
    writing = asyncio.ensure_future(store.flush())
    await asyncio.sleep(0)
    recorder.output(b"bye")
    recorder.end(3)
    await writing
    assert (await store.get(recorder.id)).state == "recording"

    await store.flush()

    told = await store.get(recorder.id)
    assert told.state == "ended" and told.exit_code == 3
    assert events(await content(store, recorder.id))[1][2] == "bye"
    await store.stop()


async def test_a_crash_costs_at_most_what_was_not_flushed(tmp_path: Path) -> None:
    before = recordings(tmp_path)
    await before.load()
    recorder = begin(before)
    recorder.output(b"kept")
    await before.flush()
    recorder.output(b"lost with the process")
    file = tmp_path / f"{recorder.id.partition('~')[2]}.cast"
    with file.open("ab") as torn:
        torn.write(b'[1.0, "o", "to')

    after = recordings(tmp_path)
    assert (await after.get(recorder.id)).state == "ended"
    assert events(await content(after, recorder.id))[-1][2] == "kept"
    await after.load()

    assert file.read_bytes().endswith(b'"kept"]\n')
    assert (await after.find())[0].exit_code is None
    await after.stop()
    await before.stop()


@contextmanager
def disk_of(size_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond that; a write across it is taken in part, as by a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_that_is_full_tears_no_line(tmp_path: Path) -> None:
    store = recordings(tmp_path)
    await store.load()
    recorder = begin(store)
    recorder.output(b"kept")
    await store.flush()
    recorder.output(b"A" * 200_000)
    with disk_of(100_000), capture_logs() as logs:
        await store.flush()
    recorder.output(b"there is room again")
    await store.flush()

    assert [each["event"] for each in logs] == ["recording.failed"]
    assert events((tmp_path / f"{recorder.id.partition('~')[2]}.cast").read_bytes())[-1][2] == "kept"
    assert (await store.get(recorder.id)).state == "ended" and recorder.is_over
    await store.stop()


async def test_a_recording_ends_where_it_is_full(tmp_path: Path) -> None:
    store = recordings(tmp_path, max_bytes=4096)
    await store.load()
    recorder = begin(store)
    for _ in range(100):
        recorder.output(b"x" * 100)
    await store.flush()
    recorder.output(b"not any more")
    await store.flush()

    told = await store.get(recorder.id)

    assert told.is_full and told.state == "ended" and told.size_bytes < 4096 + 64
    events(await content(store, recorder.id))
    await store.stop()


async def test_the_oldest_go_when_there_is_too_much_or_they_are_too_old(tmp_path: Path) -> None:
    clock = SimpleNamespace(s=0.0)
    store = Recordings(
        tmp_path,
        agent_id="oslo",
        bounds=Bounds(total_bytes=6000, max_age_s=3600),
        wall_s=lambda: clock.s,
    )
    await store.load()
    ids = []
    for _ in range(4):
        recorder = begin(store)
        recorder.output(b"x" * 2500)
        recorder.end(0)
        await store.flush()
        clock.s = newest_s(tmp_path)
        ids.append(recorder.id)

    assert {each.id for each in await store.find()} == set(ids[2:])

    clock.s += 7200
    await store.flush()
    assert not await store.find()
    await store.stop()


async def test_one_that_is_removed_while_old_ones_are_looked_for_is_no_trouble(tmp_path: Path) -> None:
    store = recordings(tmp_path, total_bytes=0)
    await store.load()
    (tmp_path / "rec-0000000000000000.cast").symlink_to("gone")  # listed, and not there
    recorder = begin(store)
    recorder.end(0)

    await store.flush()

    assert not await store.find()
    await store.stop()


async def test_a_directory_that_cannot_be_tidied_stops_nothing(tmp_path: Path) -> None:
    store = recordings(tmp_path, total_bytes=0)
    await store.load()
    (tmp_path / "rec-0000000000000000.cast").mkdir()  # what nobody can unlink, root included
    recorder = begin(store)
    recorder.end(0)

    with capture_logs() as logs:
        await store.flush()

    assert [(each["event"], each["log_level"]) for each in logs] == [("recordings.untidy", "warning")]
    assert (await store.get(recorder.id)).state == "ended"
    await store.stop()


async def test_live_recordings_do_not_outgrow_the_disk_either(tmp_path: Path) -> None:
    store = recordings(tmp_path, total_bytes=10_000, max_bytes=8000)
    await store.load()
    first, second = begin(store), begin(store)
    for _ in range(3):
        for recorder in (first, second):
            recorder.output(b"x" * 2500)
        await store.flush()
    for recorder in (first, second):
        recorder.output(b"one more")
    await store.flush()

    assert sum(each.size_bytes for each in await store.find()) <= 10_000
    assert first.is_over != second.is_over
    await store.stop()


async def test_all_together_stay_within_the_bound_also_if_the_largest_says_no_more(tmp_path: Path) -> None:
    store = recordings(tmp_path, total_bytes=100_000, max_bytes=100_000)
    await store.load()
    idle = begin(store)
    idle.output(b"x" * 80_000)
    await store.flush()
    largest = only_file(tmp_path)
    busy = [begin(store) for _ in range(3)]
    for _ in range(9):
        for recorder in busy:
            recorder.output(b"y" * 10_000)
        await store.flush()
        assert total_bytes(tmp_path) <= 100_000

    with largest:
        assert events(largest.read())[-1][1:] == ["m", "full"]
    assert idle.is_over and sum(recorder.is_over for recorder in busy) == 2
    assert [each.state for each in await store.find()] == ["recording"]
    await store.stop()


async def test_the_writer_follows_by_itself(tmp_path: Path) -> None:
    store = recordings(tmp_path)
    await store.load()
    running = asyncio.ensure_future(store.run())
    recorder = begin(store)
    recorder.output(b"hello")
    async with asyncio.timeout(5):
        while not (found := await store.find()) or found[0].duration_s == 0:
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert found[0].state == "recording"
    with pytest.raises(Conflict):
        await store.remove(recorder.id)
    recorder.end(0)
    await store.flush()
    await store.remove(recorder.id)
    with pytest.raises(NotFound):
        await store.get(recorder.id)
    await store.stop()


@pytest.mark.parametrize("turns", range(5))
async def test_the_writer_ends_also_when_there_is_news_at_that_moment(tmp_path: Path, turns: int) -> None:
    store = recordings(tmp_path)
    await store.load()
    running = asyncio.ensure_future(store.run())
    await asyncio.sleep(0.01)
    begin(store)
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()

    done, _ = await asyncio.wait({running}, timeout=5)

    running.cancel()
    assert done
    await store.stop()


@pytest.mark.parametrize(
    "name", ["x", "oslo~rec-../../etc/passwd", "bergen~rec-0123456789abcdef", "oslo~rec-0123456789abcdef"]
)
async def test_an_id_that_is_none_is_not_found(tmp_path: Path, name: str) -> None:
    store = recordings(tmp_path)
    with pytest.raises(NotFound):
        await store.get(name)
    with pytest.raises(NotFound):
        await store.read(name)
    await store.stop()
