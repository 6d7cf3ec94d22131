"""A store in a directory of its own, and a whole hub over it."""

from collections.abc import AsyncIterator
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

PASSWORD = "correct horse battery staple"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where `database` is, for a second process's view of it."""
    return f"sqlite+aiosqlite:///{tmp_path}/data/hub.db"


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await Database.open(url) as database:
        yield database


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    given = {"data_dir": tmp_path / "data", "admin_password": PASSWORD}
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
