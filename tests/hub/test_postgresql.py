"""What only a database that is a server can do to us."""

import asyncio

import pytest
import sqlalchemy as sa

from batwa_common.errors import Unavailable
from batwa_hub.settings import Settings
from batwa_hub.store.database import Database
from batwa_hub.store.migrate import DatabaseUnusable
from tests.postgres import Server as Postgres


async def test_a_server_that_restarts_is_missed_only_meanwhile(postgres: Postgres) -> None:
    async with await Database.open(postgres.new_database()) as database:
        await asyncio.to_thread(postgres.stop)
        with pytest.raises(Unavailable, match="try again shortly"):
            await database.ping()
        await asyncio.to_thread(postgres.start)
        await database.ping()


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


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_the_url_may_be_written_as_everybody_does(scheme: str) -> None:
    settings = Settings.load({"database_url": f"{scheme}://u:p@db.example.org/batwa"})
    assert settings.store_url() == "postgresql+asyncpg://u:p@db.example.org/batwa"
