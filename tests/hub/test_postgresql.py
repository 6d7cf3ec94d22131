"""What only a database that is a server can do to us."""

import asyncio
import itertools

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from batwa_common.errors import Unavailable
from batwa_hub.services.events import Events
from batwa_hub.services.registry import Registry
from batwa_hub.settings import Settings
from batwa_hub.store.absence import Absence
from batwa_hub.store.agents import AgentStore
from batwa_hub.store.database import Database
from batwa_hub.store.migrate import DatabaseUnusable
from tests.postgres import Server as Postgres


async def test_a_server_that_restarts_is_missed_only_meanwhile(postgres: Postgres) -> None:
    async with await Database.open(postgres.new_database()) as database:
        await asyncio.to_thread(postgres.stop)
        with capture_logs() as lines:
            for _ in range(3):
                with pytest.raises(Unavailable, match="try again shortly"):
                    await database.ping()
            await asyncio.to_thread(postgres.start)
            await database.ping()
            await database.ping()
        assert [line["event"] for line in lines] == ["database.failing", "database.answers"]


def test_a_database_that_is_away_is_named_once_a_minute_and_its_return_once() -> None:
    now_s = 1000.0
    absence = Absence(now=lambda: now_s)
    with capture_logs() as lines:
        for _ in range(150):
            absence.failed(OSError("gone"))
            now_s += 1
        absence.answered()
        absence.answered()
        for _ in range(20):  # away again, and back, within the minute
            absence.failed(OSError("gone"))
            absence.answered()

    told = [(line["event"], line.get("for_s", line.get("away_s"))) for line in lines]
    assert told == [
        ("database.failing", 0),
        ("database.failing", 60),
        ("database.failing", 120),
        ("database.answers", 150),
    ]


async def test_the_registry_goes_on_while_its_server_is_away(postgres: Postgres) -> None:
    looks, goes_on = itertools.count(1), asyncio.Event()

    def now() -> float:
        if next(looks) == 4:  # the first round has failed to read, and the second has begun
            goes_on.set()
        return 0.0

    async with await Database.open(postgres.new_database()) as database:
        events = Events(database, keep=100)
        store = AgentStore(database)
        registry = Registry(store, events, stale_after_s=30, local_agent_id="local", is_shared=True, now=now)
        await asyncio.to_thread(postgres.stop)
        task = asyncio.create_task(registry.run(heard=lambda _agent_id, _differs: None, every_s=0))
        async with asyncio.timeout(30):
            await asyncio.wait([task, asyncio.ensure_future(goes_on.wait())], return_when="FIRST_COMPLETED")
        went_on = not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(postgres.start)
        assert went_on


async def test_a_connection_that_breaks_in_the_middle_is_named(postgres: Postgres) -> None:
    async with await Database.open(postgres.new_database()) as database:
        with pytest.raises(Unavailable):
            async with database.writing() as connection:
                await connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))


async def test_two_that_start_at_once_migrate_once(postgres: Postgres) -> None:
    url = postgres.new_database()
    for database in await asyncio.gather(Database.open(url), Database.open(url)):
        await database.ping()
        await database.close()


async def test_a_server_that_is_not_there_says_what_to_check(tmp_path: object) -> None:
    with pytest.raises(DatabaseUnusable, match=r"does not answer: .*Check that it runs, and database_url"):
        await Database.open(f"postgresql+asyncpg://batwa:any@/hub?host={tmp_path}")


async def test_a_database_that_is_not_there_says_what_to_check(postgres: Postgres) -> None:
    url = postgres.new_database().replace("?host", "_misspelt?host")
    with pytest.raises(
        DatabaseUnusable, match=r'used: database ".*_misspelt" does not exist\. Check database_url'
    ):
        await Database.open(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_the_url_may_be_written_as_everybody_does(scheme: str) -> None:
    settings = Settings.load({"database_url": f"{scheme}://u:p@db.example.org/batwa"})
    assert settings.store_url() == "postgresql+asyncpg://u:p@db.example.org/batwa"
