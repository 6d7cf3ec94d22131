"""How long a login lasts, and who hears of its end."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from batwa_hub.services.accounts import Accounts
from batwa_hub.services.living import CACHE_S, MOST_CACHED
from batwa_hub.services.passwords import Passwords
from batwa_hub.services.sessions import TOUCH_S, Sessions
from batwa_hub.store.database import Database
from batwa_hub.store.tables import sessions as table

LIFETIME_S, IDLE_S = 1000.0, 300.0


class Time:
    """Wall clock and monotonic clock of a test, which go together."""

    def __init__(self) -> None:
        self.s = 0.0

    def wall(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self.s)

    def clock(self) -> float:
        return self.s


@pytest.fixture
def time() -> Time:
    return Time()


def on(database: Database, time: Time) -> Sessions:
    return Sessions(database, lifetime_s=LIFETIME_S, idle_s=IDLE_S, now=time.wall, clock=time.clock)


@pytest.fixture
def sessions(database: Database, time: Time) -> Sessions:
    return on(database, time)


@pytest.fixture
async def user_id(database: Database) -> str:
    accounts = Accounts(database, Passwords())
    await accounts.add_first("p")
    return (await accounts.authenticate("admin", "p", address="")).id


async def test_a_session_is_found_by_its_id_with_its_user(sessions: Sessions, user_id: str) -> None:
    login = await sessions.find(await sessions.begin(user_id, {"theme": "dark"}))

    assert login is not None
    assert (login.user_id, login.username, login.rights.role) == (user_id, "admin", "admin")
    assert login.data == {"theme": "dark"}
    assert login.expires_at - login.created_at == timedelta(seconds=LIFETIME_S)


async def test_the_store_does_not_hold_what_one_logs_in_with(
    sessions: Sessions, database: Database, user_id: str
) -> None:
    session_id = await sessions.begin(user_id, {})

    async with database.reading() as connection:
        row = (await connection.execute(sa.select(table))).one()

    assert session_id not in repr(row)
    assert await sessions.find(row.id_hash) is None


async def test_no_two_sessions_are_alike(sessions: Sessions, user_id: str) -> None:
    ids = {await sessions.begin(user_id, {}) for _ in range(20)}

    assert len(ids) == 20
    assert all(len(each) == 43 for each in ids)


@pytest.mark.parametrize("odd", ["", "x", "a" * 5000, "' OR 1=1", "\x00", "ünïcode"])
async def test_an_odd_id_is_nobodys(sessions: Sessions, odd: str) -> None:
    assert await sessions.find(odd) is None


async def test_a_session_outlives_the_process(sessions: Sessions, url: str, time: Time, user_id: str) -> None:
    session_id = await sessions.begin(user_id, {})

    async with await Database.open(url) as again:
        assert await on(again, time).find(session_id)


async def test_a_session_ends_when_its_time_is_up_however_busy(
    sessions: Sessions, time: Time, user_id: str
) -> None:
    session_id = await sessions.begin(user_id, {})
    for _ in range(9):
        time.s += LIFETIME_S / 10
        assert await sessions.find(session_id)

    time.s += LIFETIME_S / 10

    assert await sessions.find(session_id) is None


async def test_a_session_ends_when_nobody_uses_it(sessions: Sessions, time: Time, user_id: str) -> None:
    session_id = await sessions.begin(user_id, {})
    time.s += IDLE_S - 1
    assert await sessions.find(session_id)
    time.s += IDLE_S - 1
    assert await sessions.find(session_id)

    time.s += IDLE_S

    assert await sessions.find(session_id) is None


async def test_use_is_written_once_a_minute_at_most(
    sessions: Sessions, database: Database, time: Time, user_id: str
) -> None:
    session_id = await sessions.begin(user_id, {})
    written = set()
    for _ in range(int(3 * TOUCH_S)):
        time.s += 1
        await sessions.find(session_id)
        async with database.reading() as connection:
            written.add(await connection.scalar(sa.select(table.c.last_seen_at)))

    assert len(written) == 3


async def test_an_end_here_is_seen_at_once(sessions: Sessions, user_id: str) -> None:
    session_id = await sessions.begin(user_id, {})
    login = await sessions.find(session_id)
    assert login

    await sessions.end(login.key)

    assert await sessions.find(session_id) is None


async def test_an_end_elsewhere_is_seen_within_a_second(
    sessions: Sessions, url: str, time: Time, user_id: str
) -> None:
    session_id = await sessions.begin(user_id, {})
    assert await sessions.find(session_id)
    async with await Database.open(url) as elsewhere:
        await on(elsewhere, time).end_of_user(user_id)

    time.s += CACHE_S + 0.1

    assert await sessions.find(session_id) is None


async def test_an_end_during_the_look_up_is_not_cached_away(sessions: Sessions, user_id: str) -> None:
    session_id = await sessions.begin(user_id, {})
    key = (await sessions.find(session_id) or pytest.fail("not found")).key
    sessions._living._cache.clear()

    await asyncio.gather(*(sessions.find(session_id) for _ in range(5)), sessions.end(key))

    assert await sessions.find(session_id) is None


async def test_a_watcher_hears_of_the_end_once(sessions: Sessions, user_id: str) -> None:
    heard: list[str] = []
    login = await sessions.find(await sessions.begin(user_id, {}))
    assert login
    with (
        sessions.ends(login.key, lambda: heard.append("terminal")),
        sessions.ends(login.key, lambda: heard.append("events")),
    ):
        await sessions.end(login.key)
        await sessions.end(login.key)
        await sessions.look()

    assert sorted(heard) == ["events", "terminal"]


async def test_who_has_left_hears_nothing(sessions: Sessions, user_id: str) -> None:
    heard: list[str] = []
    login = await sessions.find(await sessions.begin(user_id, {}))
    assert login
    with sessions.ends(login.key, lambda: heard.append("gone")):
        pass

    await sessions.end(login.key)

    assert not heard
    assert not sessions._living._watchers


async def test_a_watcher_hears_of_an_end_elsewhere_and_of_expiry(
    sessions: Sessions, url: str, time: Time, user_id: str
) -> None:
    heard: list[str] = []
    one, two = [await sessions.find(await sessions.begin(user_id, {})) for _ in "12"]
    assert one and two
    with (
        sessions.ends(one.key, lambda: heard.append("one")),
        sessions.ends(two.key, lambda: heard.append("two")),
    ):
        async with await Database.open(url) as elsewhere:
            await on(elsewhere, time).end(one.key)
        await sessions.look()
        assert heard == ["one"]
        time.s += LIFETIME_S
        await sessions.look()
        assert heard == ["one", "two"]


async def test_a_session_that_had_ended_before_one_watched_is_told_too(sessions: Sessions) -> None:
    heard: list[str] = []
    with sessions.ends("no such session", lambda: heard.append("end")):
        await sessions.look()

    assert heard == ["end"]


async def test_an_open_terminal_is_use(sessions: Sessions, time: Time, user_id: str) -> None:
    session_id = await sessions.begin(user_id, {})
    login = await sessions.find(session_id)
    assert login
    with sessions.ends(login.key, lambda: pytest.fail("ended")):
        for _ in range(9):
            time.s += 100
            await sessions.look()

    assert await sessions.find(session_id)


async def test_dead_sessions_are_swept_from_the_store(
    sessions: Sessions, database: Database, time: Time, user_id: str
) -> None:
    await sessions.begin(user_id, {})
    time.s += IDLE_S
    await sessions.look()

    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


async def test_the_cache_is_bounded(sessions: Sessions, user_id: str) -> None:
    login = await sessions.find(await sessions.begin(user_id, {}))
    assert login
    sessions._living._cache.update({str(n): (0.0, login) for n in range(MOST_CACHED)})

    await sessions.find(await sessions.begin(user_id, {}))

    assert len(sessions._living._cache) <= MOST_CACHED + 1
