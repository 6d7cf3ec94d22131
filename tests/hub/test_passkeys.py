"""Passkeys: added by who knows the password, a login by themselves, and nothing to anybody else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar
from aiohttp.test_utils import TestClient
from yarl import URL

from .authenticator import PRESENT, Authenticator
from .conftest import PASSWORD

REFUSED = "The passkey was not accepted; begin again, or log in with your password."


async def ok(answer: ClientResponse) -> Any:
    assert answer.status == 200, await answer.text()
    return await answer.json()


@pytest.fixture
def origin(stranger: TestClient) -> str:
    """The hub by a name: browsers have no passkeys for addresses."""
    return str(URL(str(stranger.make_url(""))).with_host("localhost").origin())


@pytest.fixture
async def owner(origin: str) -> AsyncIterator[ClientSession]:
    """The administrator, logged in with the password."""
    async with ClientSession(origin, cookie_jar=CookieJar(unsafe=True)) as session:
        await ok(await session.post("/api/auth/login", json={"username": "admin", "password": PASSWORD}))
        yield session


@pytest.fixture
async def nobody(origin: str) -> AsyncIterator[ClientSession]:
    async with ClientSession(origin, cookie_jar=CookieJar(unsafe=True)) as session:
        yield session


async def add(owner: ClientSession, key: Authenticator, origin: str) -> ClientResponse:
    asked = await ok(await owner.post("/api/auth/passkeys/options", json={"password": PASSWORD}))
    credential = key.make(asked["options"], origin=origin)
    given = {"name": "phone", "ticket": asked["ticket"], "credential": credential}
    return await owner.post("/api/auth/passkeys", json=given)


async def answered(nobody: ClientSession, key: Authenticator, origin: str) -> dict[str, Any]:
    asked = await ok(await nobody.post("/api/auth/passkeys/login/options"))
    return {"ticket": asked["ticket"], "credential": key.answer(asked["options"], origin=origin)}


async def is_refused(answer: ClientResponse) -> bool:
    told = await answer.json()
    return (answer.status, told["detail"], bool(answer.cookies)) == (401, REFUSED, False)


async def test_a_passkey_logs_its_owner_in(owner: ClientSession, nobody: ClientSession, origin: str) -> None:
    key = Authenticator()
    made = await ok(await add(owner, key, origin))
    assert (made["name"], made["last_used_at"]) == ("phone", None)

    given = await answered(nobody, key, origin)
    fetched = {"Sec-Fetch-Site": "same-origin"}  # what browsers send, and programs do not
    told = await ok(await nobody.post("/api/auth/passkeys/login", json=given, headers=fetched))

    assert "known_device" in {cookie.key for cookie in nobody.cookie_jar}, "so guessers do not slow it"
    assert told == {"success": True, "message": "Login successful"}
    assert (await ok(await nobody.get("/api/auth/me")))["name"] == "admin"
    (listed,) = await ok(await nobody.get("/api/auth/passkeys"))
    assert listed["last_used_at"] is not None
    await ok(await nobody.delete(f"/api/auth/passkeys/{listed['id']}"))
    assert await is_refused(
        await nobody.post("/api/auth/passkeys/login", json=await answered(nobody, key, origin))
    )


async def test_what_was_answered_once_counts_once(
    owner: ClientSession, nobody: ClientSession, origin: str
) -> None:
    key = Authenticator()
    await ok(await add(owner, key, origin))
    login = await answered(nobody, key, origin)
    await ok(await nobody.post("/api/auth/passkeys/login", json=login))

    assert await is_refused(await nobody.post("/api/auth/passkeys/login", json=login))


@pytest.mark.parametrize("wrong", ["site", "ticket", "signature", "key", "owner not checked", "shape"])
async def test_anything_wrong_is_refused_without_saying_what(
    owner: ClientSession, nobody: ClientSession, origin: str, wrong: str
) -> None:
    key, where = Authenticator(), origin
    await ok(await add(owner, key, origin))
    match wrong:
        case "site":
            where = "https://evil.example"
        case "key":
            key = Authenticator()
        case "owner not checked":
            key.flags = PRESENT
    login = await answered(nobody, key, where)
    if wrong == "ticket":
        login["ticket"] = (await answered(nobody, key, where))["ticket"]
    if wrong == "signature":
        other = Authenticator()
        other.id = key.id
        asked = await ok(await nobody.post("/api/auth/passkeys/login/options"))
        login = {"ticket": asked["ticket"], "credential": other.answer(asked["options"], origin=origin)}
    if wrong == "shape":
        login["credential"] = {"id": login["credential"]["id"], "response": []}

    assert await is_refused(await nobody.post("/api/auth/passkeys/login", json=login))


async def test_a_copied_key_that_counts_backwards_is_refused(
    owner: ClientSession, nobody: ClientSession, origin: str
) -> None:
    key = Authenticator()
    key.counter = 7
    await ok(await add(owner, key, origin))
    key.counter = 6

    assert await is_refused(
        await nobody.post("/api/auth/passkeys/login", json=await answered(nobody, key, origin))
    )


async def test_adding_one_needs_the_password_and_the_owner_of_the_ticket(
    owner: ClientSession, nobody: ClientSession, origin: str
) -> None:
    assert (await owner.post("/api/auth/passkeys/options", json={"password": "wrong"})).status == 401
    ann = {"name": "ann", "password": "ann's password", "role": "viewer"}
    await ok(await owner.post("/api/users", json=ann))
    login = {"username": "ann", "password": ann["password"]}
    await ok(await nobody.post("/api/auth/login", json=login))
    asked = await ok(await owner.post("/api/auth/passkeys/options", json={"password": PASSWORD}))
    credential = Authenticator().make(asked["options"], origin=origin)
    given = {"name": "stolen", "ticket": asked["ticket"], "credential": credential}

    answer = await nobody.post("/api/auth/passkeys", json=given)

    assert (answer.status, (await answer.json())["detail"]) == (401, REFUSED)


async def test_who_is_disabled_is_kept_out_and_an_admin_removes_what_is_lost(
    owner: ClientSession, nobody: ClientSession, origin: str
) -> None:
    key = Authenticator()
    await ok(await add(owner, key, origin))
    ann = {"name": "ann", "password": "ann's password", "role": "admin"}
    await ok(await owner.post("/api/users", json=ann))
    await ok(await nobody.post("/api/auth/login", json={"username": "ann", "password": ann["password"]}))
    await ok(await nobody.patch("/api/users/admin", json={"disabled": True}))
    login = await answered(nobody, key, origin)
    assert (await nobody.post("/api/auth/passkeys/login", json=login)).status == 403

    await ok(await nobody.patch("/api/users/admin", json={"disabled": False}))
    await ok(await nobody.delete("/api/users/admin/passkeys"))

    login = await answered(nobody, key, origin)
    assert await is_refused(await nobody.post("/api/auth/passkeys/login", json=login))


async def test_an_address_has_no_passkeys(admin: TestClient) -> None:
    answer = await admin.post("/api/auth/passkeys/login/options")

    assert answer.status == 400
    assert "open the hub by a name" in (await answer.json())["detail"]
