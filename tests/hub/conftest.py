"""A store in a directory of its own, and a whole hub over it.

What asks for `database` or `url` runs on SQLite and on PostgreSQL, and so does a module that says
`ON_BOTH_STORES = True`; everything else on SQLite.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient, TestServer

from batwa_hub.app import make_app
from batwa_hub.hub import Hub, running
from batwa_hub.settings import Settings
from batwa_hub.store.database import Database
from batwa_hub.store.tables import metadata
from tests.postgres import Server as Postgres
from tests.postgres import server

STORES = ("sqlite", "postgresql")
PASSWORD = "correct horse battery staple"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have what depends on the store run on each."""
    if "store" in metafunc.fixturenames:
        both = "url" in metafunc.fixturenames or getattr(metafunc.module, "ON_BOTH_STORES", False)
        metafunc.parametrize("store", STORES if both else STORES[:1], indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with server() as postgres:
        yield postgres


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """The URL of a database with all tables, which tests use in turn."""
    return migrate(postgres.new_database())


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with all tables, of which each test has a copy."""
    file = tmp_path_factory.mktemp("migrated") / "hub.db"
    migrate(f"sqlite+aiosqlite:///{file}")
    return file


def migrate(url: str) -> str:
    """Give the database at *url* all tables, and return *url*."""

    async def migrate() -> None:
        await (await Database.open(url)).close()

    asyncio.run(migrate())
    return url


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that has all tables and no row."""
    if request.param == "postgresql":
        migrated: str = request.getfixturevalue("migrated")
        postgres: Postgres = request.getfixturevalue("postgres")
        postgres.sql(migrated, f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
        return migrated
    (tmp_path / "data").mkdir(mode=0o700)
    file = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "data/hub.db")
    return f"sqlite+aiosqlite:///{file}"


@pytest.fixture
def url(store: str) -> str:
    """Where `database` is, for a second process's view of it."""
    return store


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await Database.open(url) as database:
        yield database


@pytest.fixture
def settings(store: str, tmp_path: Path) -> Settings:
    given = {"data_dir": tmp_path / "data", "admin_password": PASSWORD, "database_url": store}
    return Settings.load({**given, "trusted_origins": ["https://panel.example.org"]})


@pytest.fixture
async def hub(settings: Settings) -> AsyncIterator[Hub]:
    async with running(settings) as hub:
        await hub.accounts.add_first(PASSWORD)
        yield hub


class Server(TestServer):
    """As the hub is served: a handler goes on when its connection is not the server's any more."""

    async def _make_runner(self, **options: Any) -> web.BaseRunner:
        return await super()._make_runner(**{**options, "handler_cancellation": False})


@pytest.fixture
async def stranger(hub: Hub, aiohttp_client: AiohttpClient) -> TestClient:
    """Somebody who has not logged in."""
    return await aiohttp_client(Server(make_app(hub)))


@pytest.fixture
async def admin(stranger: TestClient) -> TestClient:
    """The same client, logged in."""
    answer = await stranger.post("/api/auth/login", json={"username": "admin", "password": PASSWORD})
    assert answer.status == 200, await answer.text()
    return stranger
