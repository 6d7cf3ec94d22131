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
    assert set(made) == {
        *("name", "role", "terminals", "agents", "tags", "disabled", "created_at", "last_login_at", "totp")
    }
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


async def test_a_disabled_account_is_kept_out_with_its_sessions_and_tokens(
    admin: TestClient, log_in: LogIn
) -> None:
    await admin.post("/api/users", json=ANN)
    ann = await log_in("ann", ANN["password"])
    made = await (await ann.post("/api/auth/tokens", json={"name": "ci", "role": "viewer"})).json()
    token = {"Authorization": f"Bearer {made['token']}"}
    assert (await admin.get("/api/vm/list", headers=token)).status == 200

    assert (await (await admin.patch("/api/users/ann", json={"disabled": True})).json())["disabled"]

    assert (await ann.get("/api/vm/list")).status == 401
    assert (await admin.get("/api/vm/list", headers=token)).status == 401
    answer = await ann.post("/api/auth/login", json={"username": "ann", "password": ANN["password"]})
    assert answer.status == 403
    assert (await answer.json())["detail"] == "This account is disabled; ask an administrator to enable it."
    answer = await ann.post("/api/auth/login", json={"username": "ann", "password": "wrong"})
    assert (answer.status, (await answer.json())["detail"]) == (401, "Invalid username or password")
    await admin.patch("/api/users/ann", json={"disabled": False})
    assert (await log_in("ann", ANN["password"])) is not None
    assert (await admin.get("/api/vm/list", headers=token)).status == 200


async def test_the_last_admin_is_not_kept_out_and_a_disabled_one_does_not_count(admin: TestClient) -> None:
    await admin.post("/api/users", json=ANN | {"role": "admin"})
    assert (await admin.patch("/api/users/ann", json={"disabled": True})).status == 200

    assert (await admin.patch("/api/users/admin", json={"disabled": True})).status == 409
    assert (await admin.delete("/api/users/admin")).status == 409
    assert (await admin.delete("/api/users/ann")).status == 200


@pytest.mark.parametrize(
    "less",
    [{"terminals": False}, {"agents": ["oslo"]}, {"tags": {"site": "oslo"}}, {"role": "viewer"}],
    ids=str,
)
async def test_being_allowed_less_ends_sessions_and_more_does_not(
    admin: TestClient, log_in: LogIn, less: dict[str, object]
) -> None:
    await admin.post("/api/users", json=ANN)
    ann = await log_in("ann", ANN["password"])

    assert (await admin.patch("/api/users/ann", json=less)).status == 200

    assert (await ann.get("/api/auth/me")).status == 401
    ann = await log_in("ann", ANN["password"])
    more = {"role": "operator", "terminals": True, "agents": None, "tags": {}}
    assert (await admin.patch("/api/users/ann", json=more)).status == 200
    me = await (await ann.get("/api/auth/me")).json()
    assert me == {"name": "ann", "kind": "user", **more, "totp": False, "recovery_codes": 0}


async def test_another_role_brings_what_it_has_of_terminals_and_the_same_takes_nothing(
    admin: TestClient,
) -> None:
    made = await (await admin.post("/api/users", json=ANN | {"terminals": False})).json()
    assert made["terminals"] is False
    for change, has in (
        ({"role": "operator"}, False),
        ({"role": "viewer", "terminals": True}, True),
        ({"disabled": False}, True),
        ({"role": "operator"}, True),
        ({"role": "viewer"}, False),
    ):
        changed = await (await admin.patch("/api/users/ann", json=change)).json()
        assert changed["terminals"] is has, change


async def test_an_admin_is_not_limited(admin: TestClient) -> None:
    limited = ANN | {"agents": ["oslo"]}
    assert (await admin.post("/api/users", json=limited | {"role": "admin"})).status == 400
    assert (await admin.post("/api/users", json=limited)).status == 200
    answer = await admin.patch("/api/users/ann", json={"role": "admin"})
    assert answer.status == 400
    assert "lift the limit" in (await answer.json())["detail"]
    assert (await admin.patch("/api/users/ann", json={"role": "admin", "agents": None})).status == 200


async def test_ones_logins_are_listed_with_where_they_came_from_and_ended_one_by_one(
    admin: TestClient, log_in: LogIn
) -> None:
    elsewhere = await log_in("admin", PASSWORD)
    listed = await (await admin.get("/api/auth/sessions")).json()
    assert [(each["username"], each["address"]) for each in listed] == [("admin", "127.0.0.1")] * 2
    assert all("aiohttp" in each["client"] for each in listed)
    (other,) = [each["id"] for each in listed if not each["current"]]

    answer = await admin.delete(f"/api/auth/sessions/{other}")

    assert (answer.status, (await answer.json())["message"]) == (200, f"Session '{other}' ended")
    assert (await elsewhere.get("/api/auth/me")).status == 401
    assert (await admin.delete(f"/api/auth/sessions/{other}")).status == 404
    (left,) = await (await admin.get("/api/auth/sessions")).json()
    assert left["current"]


async def test_the_others_end_together_and_what_was_open_there_with_them(
    admin: TestClient, log_in: LogIn
) -> None:
    elsewhere = await log_in("admin", PASSWORD)
    async with elsewhere.get("/api/events") as stream:
        await stream.content.readline()
        assert (await admin.delete("/api/auth/sessions")).status == 200
        async with asyncio.timeout(2):
            await stream.content.read()
    assert (await elsewhere.get("/api/auth/me")).status == 401
    assert (await admin.get("/api/auth/me")).status == 200


async def test_nobody_ends_anothers_login_but_an_admin_all_of_them(admin: TestClient, log_in: LogIn) -> None:
    await admin.post("/api/users", json=ANN)
    ann = await log_in("ann", ANN["password"])
    (admins,) = await (await admin.get("/api/auth/sessions")).json()
    assert (await ann.delete(f"/api/auth/sessions/{admins['id']}")).status == 404
    assert (await ann.get("/api/users/admin/sessions")).status == 403
    (anns,) = await (await admin.get("/api/users/ann/sessions")).json()
    assert (anns["username"], anns["current"]) == ("ann", False)

    assert (await admin.delete("/api/users/ann/sessions")).status == 200

    assert (await ann.get("/api/auth/me")).status == 401
    assert (await admin.get("/api/auth/me")).status == 200
    assert (await admin.get("/api/users/nobody/sessions")).status == 404


async def test_a_token_has_no_say_about_logins(admin: TestClient) -> None:
    made = await (await admin.post("/api/auth/tokens", json={"name": "ci", "role": "admin"})).json()
    token = {"Authorization": f"Bearer {made['token']}"}

    for method, path in (("GET", ""), ("DELETE", ""), ("DELETE", "/x")):
        answer = await admin.request(method, f"/api/auth/sessions{path}", headers=token)
        assert answer.status == 403
        assert "A token cannot do this" in (await answer.json())["detail"]
