"""The administrator's password is set by whoever has the link, once."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient
from cryptography.fernet import Fernet

from batwa_hub.app import make_app
from batwa_hub.hub import Hub, running
from batwa_hub.services.first_start import LIVES_S
from batwa_hub.settings import Settings

PASSWORD = "correct horse battery staple"


@pytest.fixture
def first_settings(tmp_path: Path) -> Settings:
    """Settings that name no password."""
    return Settings.load({"data_dir": tmp_path / "data"})


@pytest.fixture
async def new_hub(first_settings: Settings) -> AsyncIterator[Hub]:
    """A hub at its first start."""
    async with running(first_settings) as hub:
        yield hub


@pytest.fixture
async def first(new_hub: Hub, aiohttp_client: AiohttpClient) -> TestClient:
    """Whoever comes first."""
    return await aiohttp_client(make_app(new_hub))


async def session(client: TestClient) -> Any:
    return await (await client.get("/api/auth/session")).json()


async def test_the_link_makes_the_administrator_and_logs_them_in(new_hub: Hub, first: TestClient) -> None:
    assert await session(first) == {"me": None, "first_start": True, "sign_on": None}

    given = {"code": new_hub.first_start.new_code(), "password": PASSWORD}
    answer = await first.post("/api/auth/setup", json=given)

    assert answer.status == 200, await answer.text()
    told = await session(first)
    assert (told["me"]["name"], told["me"]["role"], told["first_start"]) == ("admin", "admin", False)
    login = await first.post("/api/auth/login", json={"username": "admin", "password": PASSWORD})
    assert login.status == 200


async def test_a_link_works_once_and_no_other_works_after_it(new_hub: Hub, first: TestClient) -> None:
    links = [new_hub.first_start.new_code() for _ in range(2)]
    await first.post("/api/auth/setup", json={"code": links[0], "password": PASSWORD})
    for code in links:
        answer = await first.post("/api/auth/setup", json={"code": code, "password": "a stranger's own"})
        assert (answer.status, (await answer.json())["code"]) == (409, "conflict")
    assert await new_hub.accounts.authenticate("admin", PASSWORD, address="::1")


async def test_wrong_and_old_codes_are_refused(new_hub: Hub, first: TestClient, tmp_path: Path) -> None:
    key = Fernet((tmp_path / "data" / "secret.key").read_bytes().splitlines()[0])
    real = new_hub.first_start.new_code()
    old = key.encrypt_at_time(key.decrypt(real), key.extract_timestamp(real.encode()) - LIVES_S - 60).decode()
    for code in ("x", "ö", real[:-4], key.encrypt(b"an agent's key").decode(), old):
        answer = await first.post("/api/auth/setup", json={"code": code, "password": PASSWORD})
        assert answer.status in {400, 403}, code
        assert PASSWORD not in await answer.text()
    assert await new_hub.first_start.is_open()


async def test_a_short_password_is_refused(new_hub: Hub, first: TestClient) -> None:
    given = {"code": new_hub.first_start.new_code(), "password": "short"}
    assert (await first.post("/api/auth/setup", json=given)).status == 400
    assert await new_hub.first_start.is_open()


async def test_who_guesses_passwords_is_told_how_long_to_wait(stranger: TestClient) -> None:
    for _ in range(20):
        answer = await stranger.post("/api/auth/login", json={"username": "admin", "password": "wrong"})
        if answer.status == 429:
            break
    told = re.search(r"in (\d+) s\.", (await answer.json())["detail"])
    assert told is not None
    assert answer.headers["Retry-After"] == told[1]
