"""The event log: every watcher sees everything once, in order, or is told that it does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from batwa_common.errors import Unavailable
from batwa_hub.services.events import BATCH, RECENT, Batch, Events
from batwa_hub.store.database import Database
from batwa_hub.store.tables import events as table


@contextlib.asynccontextmanager
async def running(database: Database, *, keep: int = 1000, recent: int = RECENT) -> AsyncIterator[Events]:
    """Events with their writer, which ends in good order."""
    events = Events(database, keep=keep, recent=recent)
    task = asyncio.create_task(events.run())
    try:
        await events.position()
        yield events
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def killed(database: Database, events: Events, task: "asyncio.Task[None]", *, expect: int) -> None:
    """End a writer the way a kill does: what is written is written, and nothing is signed off."""
    while await events.position() < expect:
        await events.after(await events.position())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with database.writing() as connection:
        newest = await connection.scalar(sa.select(sa.func.max(table.c.id)))
        await connection.execute(sa.delete(table).where(table.c.id == newest))


async def follow(events: Events, position: int, *, until: int) -> tuple[list[str], bool, int]:
    """Return what a watcher gets on its way to *until*."""
    subjects: list[str] = []
    missed = False
    async with asyncio.timeout(20):
        while position < until:
            batch = await events.after(position)
            assert batch.position > position or batch.missed
            subjects += [event.subject for event in batch.events]
            missed, position = missed or batch.missed, batch.position
    return subjects, missed, position


async def say(events: Events, *numbers: int) -> None:
    for number in numbers:
        await events.publish("vm", "changed", f"a/{number}", {"n": number})


async def test_a_watcher_gets_what_is_published_in_order(database: Database) -> None:
    async with running(database) as events:
        await say(events, *range(1, 1201))

        subjects, missed, _ = await follow(events, 0, until=1200)

    assert subjects == [f"a/{n}" for n in range(1, 1201)]
    assert not missed


async def test_an_event_carries_what_was_said(database: Database) -> None:
    async with running(database) as events:
        await events.publish("operation", "removed", "op-1")
        (event,) = (await events.after(0)).events

    assert (event.id, event.kind, event.action, event.subject, event.data) == (
        1,
        "operation",
        "removed",
        "op-1",
        None,
    )
    assert event.at.tzinfo is not None


async def test_nothing_is_shown_before_it_is_in_the_log(database: Database, url: str) -> None:
    async with running(database) as events, await Database.open(url) as elsewhere:
        for number in range(20):
            shown = asyncio.ensure_future(events.after(number))
            await say(events, number)
            (event,) = (await shown).events
            async with elsewhere.reading() as connection:
                assert await connection.scalar(sa.select(sa.func.max(table.c.id))) == event.id


async def test_a_watcher_waits_for_news_and_may_give_up(database: Database) -> None:
    async with running(database) as events:
        waiting = asyncio.ensure_future(events.after(0))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        await say(events, 1)

        assert [event.subject for event in (await events.after(0)).events] == ["a/1"]


async def test_a_restart_in_good_order_loses_nothing(database: Database) -> None:
    async with running(database) as events:
        await say(events, *range(700))  # more than a batch, and the stop comes before it is written
    async with running(database) as events:
        await say(events, 700)

        subjects, missed, _ = await follow(events, 0, until=await events.position() + 1)

    assert subjects == [f"a/{n}" for n in range(701)]
    assert not missed


async def test_after_a_kill_a_watcher_gets_what_is_known_and_is_told_to_reload(database: Database) -> None:
    events = Events(database, keep=1000)
    task = asyncio.create_task(events.run())
    await say(events, 1, 2, 3)
    await killed(database, events, task, expect=3)

    async with running(database) as again:
        batch = await again.after(1)
        assert [event.subject for event in batch.events] == ["a/2", "a/3"]
        assert batch.missed
        await say(again, 4)
        batch = await again.after(batch.position)
        assert [event.subject for event in batch.events] == ["a/4"]
        assert not batch.missed


async def test_an_id_from_another_database_is_told_to_reload(database: Database) -> None:
    async with running(database) as events:
        await say(events, 1)
        await follow(events, 0, until=1)

        assert await events.after(99) == Batch((), 1, missed=True)


async def test_the_log_is_bounded_and_who_lags_behind_it_is_told(database: Database) -> None:
    async with running(database, keep=100) as events:
        for number in range(8):
            await say(events, *range(number * BATCH, (number + 1) * BATCH))
            await follow(events, number * BATCH, until=(number + 1) * BATCH)

        late = await events.after(0)
        async with database.reading() as connection:
            kept = await connection.scalar(sa.select(sa.func.count()).select_from(table))
        assert late == Batch((), 8 * BATCH, missed=True)
        assert kept is not None and 100 <= kept <= 110
        assert not (await events.after(8 * BATCH - RECENT)).missed  # memory still has them
        assert len(events._recent) == RECENT


async def test_memory_and_log_join_without_a_seam(database: Database) -> None:
    async with running(database, recent=3) as events:
        await say(events, 1, 2, 3, 4, 5, 6)
        await follow(events, 0, until=6)

        for position in range(6):
            subjects, missed, _ = await follow(events, position, until=6)
            assert (subjects, missed) == ([f"a/{n}" for n in range(position + 1, 7)], False)


async def test_who_has_seen_the_last_pruned_event_has_missed_nothing(database: Database) -> None:
    async with running(database, recent=1) as events:
        await say(events, 1, 2, 3, 4, 5, 6)
        await follow(events, 0, until=6)
        async with database.writing() as connection:
            await connection.execute(sa.delete(table).where(table.c.id <= 3))

        assert await events.after(2) == Batch((), 6, missed=True)
        assert (await follow(events, 3, until=6))[:2] == (["a/4", "a/5", "a/6"], False)


async def test_a_stop_in_the_middle_of_a_write_loses_and_repeats_nothing(database: Database) -> None:
    events = Events(database, keep=1000)
    task = asyncio.create_task(events.run())
    await events.position()
    async with database.writing():  # the writer has to wait behind this one
        await say(events, 1, 2)
        await asyncio.sleep(0)  # the writer takes what is queued
        assert not events._queue.qsize()
        await say(events, 3)
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(task, return_exceptions=True)

    async with running(database) as again:
        await say(again, 4)
        subjects, missed, _ = await follow(again, 0, until=await again.position() + 1)

    assert (subjects, missed) == (["a/1", "a/2", "a/3", "a/4"], False)


async def test_a_stop_does_not_wait_for_ever_for_a_database_that_does_not_answer(database: Database) -> None:
    events = Events(database, keep=1000, close_s=0.01)
    task = asyncio.create_task(events.run())
    await events.position()
    await say(events, 1)
    await follow(events, 0, until=1)
    async with database.writing():  # nobody else gets to it
        await say(events, 2)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async with running(database) as again:
        await say(again, 3)
        assert (await again.after(1)).missed


async def test_a_watcher_that_never_reads_slows_nobody(database: Database) -> None:
    async with running(database) as events:
        lazy = asyncio.ensure_future(events.after(0))
        await say(events, *range(2 * BATCH))

        subjects, _, _ = await follow(events, 0, until=2 * BATCH)

        assert len(subjects) == 2 * BATCH
        assert lazy.done()


async def test_a_publisher_is_not_kept_waiting_for_ever_by_a_dead_database(database: Database) -> None:
    events = Events(database, keep=100, queued=3, publish_timeout_s=0.01)

    await say(events, 1, 2, 3)

    with pytest.raises(Unavailable, match=r"^The hub's database does not keep up; try again shortly\.$"):
        await say(events, 4)


Steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 9)),
        st.tuples(st.just("watch"), st.integers(0, 3)),
        st.tuples(st.just("come"), st.integers(0, 60)),
        st.tuples(st.just("settle"), st.just(0)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(steps=Steps)
def test_whatever_happens_a_watcher_misses_nothing_unknowingly(steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as directory:
        asyncio.run(_whatever(Path(directory), steps))


async def _whatever(directory: Path, steps: list[tuple[str, int]]) -> None:
    """Watchers come, go on and fall behind while events are said, pruned and the hub restarts."""
    said = 0
    watchers: dict[int, tuple[int, int | None]] = {}  # position, and the last number seen if it is known
    async with contextlib.AsyncExitStack() as outer:
        database = await outer.enter_async_context(
            await Database.open(f"sqlite+aiosqlite:///{directory}/e.db")
        )
        run = contextlib.AsyncExitStack()
        events = await run.enter_async_context(running(database, keep=10, recent=4))
        for step, value in steps:
            match step:
                case "say":
                    await say(events, *range(said + 1, said + value + 1))
                    said += value
                case "come":
                    watchers[value % 4] = (min(value, await events.position()), None)
                case "watch" if value in watchers and watchers[value][0] != await events.position():
                    watchers[value] = _checked(await events.after(watchers[value][0]), watchers[value][1])
                case "settle" if events._queue.qsize():
                    await events.after(await events.position())
                case "restart":
                    await run.aclose()
                    events = await run.enter_async_context(running(database, keep=10, recent=4))
        await say(events, said + 1)
        await run.aclose()  # writes what is left
        events = await run.enter_async_context(running(database, keep=10, recent=4))
        for watcher in watchers.values():
            place = watcher
            while place[0] < await events.position():
                place = _checked(await events.after(place[0]), place[1])
            assert place[1] in {None, said + 1}
        await run.aclose()


def _checked(batch: Batch, last: int | None) -> tuple[int, int | None]:
    numbers = [int(event.subject.removeprefix("a/")) for event in batch.events]
    ids = [event.id for event in batch.events]
    assert ids == sorted(set(ids))
    if numbers:
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "gap or duplicate in a batch"
        if last is not None and not batch.missed:
            assert numbers[0] == last + 1, "gap or duplicate between batches"
    if batch.missed:
        return batch.position, None
    return batch.position, numbers[-1] if numbers else last
