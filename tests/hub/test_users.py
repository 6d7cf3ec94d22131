"""Accounts over HTTP: who may log in, and what ends when that changes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import TestClient

from .conftest import PASSWORD

ANN = {"name": "ann", "password": "ann's password", "role": "operator"}
LogIn = Callable[[str, str], Awaitable[ClientSession]]


@pytest.fixture
async def log_in(stranger: TestClient) -> AsyncIterator[LogIn]:
    """Log somebody in, each in a browser of their own."""
    browsers = []

    async def browser(name: str, password: str) -> ClientSession:
        session = ClientSession(str(stranger.make_url("")), cookie_jar=CookieJar(unsafe=True))
        browsers.append(session)
        answer = await session.post("/api/auth/login", json={"username": name, "password": password})
        assert answer.status == 200, await answer.text()
        return session

    yield browser
    for session in browsers:
        await session.close()


async def test_somebody_is_let_in_and_out_again(admin: TestClient, log_in: LogIn) -> None:
    answer = await admin.post("/api/users", json=ANN)
    made = await answer.json()
    assert (answer.status, made["name"], made["role"]) == (200, "ann", "operator")
    assert set(made) == {"name", "role", "created_at"}
    listed = await (await admin.get("/api/users")).json()
    assert [(user["name"], user["role"]) for user in listed] == [("admin", "admin"), ("ann", "operator")]
    ann = await log_in("ann", ANN["password"])
    assert (await ann.get("/api/vm/list")).status == 200
    assert (await ann.get("/api/users")).status == 403

    answer = await admin.delete("/api/users/ann")

    assert await answer.json() == {"success": True, "message": "User 'ann' removed"}
    assert (await ann.get("/api/vm/list")).status == 401
    assert (await admin.delete("/api/users/ann")).status == 404


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": "a b"}, {"name": "a/b"}, {"password": "short"}, {"role": "root"}, {"more": 1}],
)
async def test_a_malformed_account_is_refused(admin: TestClient, change: dict[str, object]) -> None:
    assert (await admin.post("/api/users", json=ANN | change)).status == 400


async def test_a_name_is_taken_once(admin: TestClient) -> None:
    assert (await admin.post("/api/users", json=ANN)).status == 200
    assert (await admin.post("/api/users", json=ANN)).status == 409


async def test_the_last_admin_stays(admin: TestClient) -> None:
    assert (await admin.delete("/api/users/admin")).status == 409
    assert (await admin.patch("/api/users/admin", json={"role": "operator"})).status == 409
    await admin.post("/api/users", json=ANN | {"role": "admin"})
    assert (await admin.patch("/api/users/admin", json={"role": "operator"})).status == 200


async def test_two_admins_who_remove_each_other_leave_one(admin: TestClient, log_in: LogIn) -> None:
    await admin.post("/api/users", json=ANN | {"role": "admin"})
    ann = await log_in("ann", ANN["password"])

    answers = await asyncio.gather(admin.delete("/api/users/ann"), ann.delete("/api/users/admin"))

    statuses = sorted(answer.status for answer in answers)
    assert statuses in ([200, 401], [200, 409])


async def test_a_demotion_ends_what_was_open(admin: TestClient, log_in: LogIn) -> None:
    await admin.post("/api/users", json=ANN)
    ann = await log_in("ann", ANN["password"])
    async with ann.get("/api/events") as stream:
        await stream.content.readline()
        assert (await admin.patch("/api/users/ann", json={"role": "viewer"})).status == 200
        async with asyncio.timeout(2):
            await stream.content.read()
    assert (await ann.get("/api/vm/list")).status == 401


async def test_a_promotion_is_seen_at_once(admin: TestClient, log_in: LogIn) -> None:
    await admin.post("/api/users", json=ANN)
    ann = await log_in("ann", ANN["password"])
    assert (await ann.get("/api/users")).status == 403
    await admin.patch("/api/users/ann", json={"role": "admin"})
    assert (await ann.get("/api/users")).status == 200


async def test_changing_ones_password_ends_the_other_sessions(admin: TestClient, log_in: LogIn) -> None:
    elsewhere = await log_in("admin", PASSWORD)

    wrong = await admin.post("/api/auth/password", json={"current": "wrong", "new": "another password"})
    assert wrong.status == 401
    assert (await elsewhere.get("/api/users")).status == 200
    answer = await admin.post("/api/auth/password", json={"current": PASSWORD, "new": "another password"})

    assert answer.status == 200
    assert (await elsewhere.get("/api/users")).status == 401
    assert (await admin.get("/api/users")).status == 200
    assert (await log_in("admin", "another password")) is not None


async def test_a_password_that_an_admin_sets_ends_every_session(admin: TestClient, log_in: LogIn) -> None:
    await admin.post("/api/users", json=ANN)
    ann = await log_in("ann", ANN["password"])
    await admin.patch("/api/users/ann", json={"password": "a new beginning"})
    assert (await ann.get("/api/vm/list")).status == 401
    assert (await log_in("ann", "a new beginning")) is not None
