"""The store: what a transaction promises, and how the schema is kept up to date."""

import asyncio
import sqlite3
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from batwa_hub.store.database import Database
from batwa_hub.store.migrate import DatabaseUnusable
from batwa_hub.store.tables import agent_keys, events, metadata, sessions, users
from tests.postgres import Server as Postgres

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
ADA = {"id": "u1", "name": "ada", "password_hash": "x", "role": "admin", "created_at": NOW}
EVENT = {"kind": "vm", "action": "changed", "subject": "a/b", "at": NOW, "data": {"n": 1}}


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """For what only a file has."""
    return f"sqlite+aiosqlite:///{tmp_path}/data/hub.db"


async def test_migrations_and_tables_agree(database: Database) -> None:
    def differences(connection: sa.Connection) -> object:
        # PostgreSQL is asked whether two defaults are equal, and knows no such thing of JSON
        options = {"compare_type": True, "compare_server_default": not database.is_shared}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.parametrize("kind", ["file", "server"])
async def test_a_database_of_a_newer_schema_is_refused_and_left_as_it_is(
    kind: str, file_url: str, postgres: Postgres
) -> None:
    url = file_url if kind == "file" else postgres.new_database()
    version = sa.table("alembic_version", sa.column("version_num"))
    async with await Database.open(url) as newer, newer.writing() as connection:
        await connection.execute(sa.update(version).values(version_num="0999"))

    with pytest.raises(DatabaseUnusable, match=r"schema 0999, which this version .* not know") as no:
        await Database.open(url)

    assert "Install that version again, or restore the backup" in str(no.value)
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        assert (await connection.execute(sa.select(version.c.version_num))).all() == [("0999",)]
    await engine.dispose()


async def test_a_file_that_is_no_database_is_refused(file_url: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/hub.db").write_bytes(b"something else" * 500)

    with pytest.raises(DatabaseUnusable, match="cannot be used: file is not a database"):
        await Database.open(file_url)


@pytest.mark.parametrize(
    "bad", ["nonsense", "postgresql+nodriver://h/d", "sqlite+aiosqlite:////proc/no/x.db"]
)
async def test_a_url_that_leads_nowhere_says_which_setting(bad: str) -> None:
    with pytest.raises(DatabaseUnusable, match="Check database_url"):
        await Database.open(bad)


async def test_opening_twice_changes_nothing(database: Database, url: str) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.insert(users).values(ADA))

    async with await Database.open(url) as again, again.reading() as connection:
        assert (await connection.scalar(sa.select(users.c.name))) == "ada"


async def test_nobody_else_may_read_the_file(file_url: str, tmp_path: Path) -> None:
    async with await Database.open(file_url) as database:
        async with database.writing() as connection:
            await connection.execute(sa.insert(users).values(ADA))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert modes == {"hub.db": 0o600, "hub.db-wal": 0o600, "hub.db-shm": 0o600}


async def test_what_was_written_is_in_the_file_when_the_block_has_ended(
    file_url: str, tmp_path: Path
) -> None:
    async with await Database.open(file_url) as database:
        async with database.writing() as connection:
            await connection.execute(sa.insert(users).values(ADA))
        raw = sqlite3.connect(tmp_path / "data/hub.db")
        assert raw.execute("SELECT name FROM users").fetchall() == [("ada",)]
        raw.close()
        async with database.reading() as connection:
            assert await connection.scalar(sa.text("PRAGMA synchronous")) == 2
            assert await connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"


async def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    async def half() -> None:
        async with database.writing() as connection:
            await connection.execute(sa.insert(users).values(ADA))
            raise KeyError

    with pytest.raises(KeyError):
        await half()

    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(users)) == 0


async def test_forty_that_read_and_then_write_do_not_get_in_each_others_way(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.insert(users).values({**ADA, "password_hash": "0"}))

    async def count_up() -> None:
        async with database.writing() as connection:
            value = int(str(await connection.scalar(sa.select(users.c.password_hash))))
            await asyncio.sleep(0)
            await connection.execute(sa.update(users).values(password_hash=str(value + 1)))

    await asyncio.gather(*(count_up() for _ in range(40)))

    async with database.reading() as connection:
        assert await connection.scalar(sa.select(users.c.password_hash)) == "40"


async def test_a_reader_neither_waits_for_a_writer_nor_sees_its_half(database: Database) -> None:
    async with database.writing() as writer:
        await writer.execute(sa.insert(users).values(ADA))
        async with asyncio.timeout(5), database.reading() as reader:
            assert await reader.scalar(sa.select(sa.func.count()).select_from(users)) == 0


async def test_a_cancelled_writer_leaves_the_way_free(database: Database) -> None:
    async with database.writing():
        waiting = asyncio.create_task(_write(database))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async with asyncio.timeout(5):
        await _write(database)


async def _write(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.insert(events).values(EVENT))


async def test_times_come_back_aware_and_in_utc(database: Database) -> None:
    at = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    async with database.writing() as connection:
        await connection.execute(sa.insert(users).values({**ADA, "created_at": at}))

    async with database.reading() as connection:
        back = await connection.scalar(sa.select(users.c.created_at))
    assert back == NOW and back is not None and back.tzinfo is UTC


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="a time without a zone cannot be stored"):
        async with database.writing() as connection:
            await connection.execute(sa.insert(users).values({**ADA, "created_at": NOW.replace(tzinfo=None)}))


async def test_writers_of_two_processes_take_turns(database: Database, url: str) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.insert(users).values({**ADA, "password_hash": "0"}))

    async def count_up(where: Database) -> None:
        async with where.writing() as connection:
            value = int(str(await connection.scalar(sa.select(users.c.password_hash))))
            await connection.execute(sa.update(users).values(password_hash=str(value + 1)))

    async with await Database.open(url) as elsewhere:
        await asyncio.gather(*(count_up(where) for where in (database, elsewhere) for _ in range(20)))

    async with database.reading() as connection:
        assert await connection.scalar(sa.select(users.c.password_hash)) == "40"


async def test_a_user_who_goes_takes_the_sessions_along(database: Database) -> None:
    session = {
        "id_hash": "h",
        "user_id": "u1",
        "created_at": NOW,
        "expires_at": NOW,
        "last_seen_at": NOW,
        "data": {},
    }
    async with database.writing() as connection:
        await connection.execute(sa.insert(users).values(ADA))
        await connection.execute(sa.insert(sessions).values(session))
        await connection.execute(sa.delete(users))
        assert await connection.scalar(sa.select(sa.func.count()).select_from(sessions)) == 0


async def test_ids_of_deleted_events_never_come_back(database: Database) -> None:
    await _write(database)
    async with database.writing() as connection:
        await connection.execute(sa.delete(events))
    await _write(database)

    async with database.reading() as connection:
        assert await connection.scalar(sa.select(events.c.id)) == 2


async def test_a_missing_value_is_null_and_not_the_word(database: Database) -> None:
    await _write(database)
    async with database.writing() as connection:
        await connection.execute(sa.insert(events).values({**EVENT, "data": None}))

    async with database.reading() as connection:
        nulls = await connection.scalar(
            sa.select(sa.func.count()).select_from(events).where(events.c.data.is_(sa.null()))
        )
    assert nulls == 1


async def test_two_agent_keys_cannot_be_the_same(database: Database) -> None:
    key = {"name": "k", "key_hash": "same", "key_encrypted": "x", "created_at": NOW}
    with pytest.raises(sa.exc.IntegrityError):
        async with database.writing() as connection:
            await connection.execute(sa.insert(agent_keys).values([{"id": "1", **key}, {"id": "2", **key}]))
