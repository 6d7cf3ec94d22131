"""Who gets in, over HTTP: logins, roles, keys, and pages of other sites."""

import asyncio
import re
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from ipaddress import ip_network

import pytest
import sqlalchemy as sa
from aiohttp import ClientResponse, ClientSession, DummyCookieJar
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from batwa_common.errors import InvalidApiKey
from batwa_common.web.routes import Access
from batwa_hub.api.routes import ROUTES
from batwa_hub.app import make_app
from batwa_hub.hub import Hub, running
from batwa_hub.settings import Settings
from batwa_hub.store.tables import users

from .conftest import PASSWORD

LOGIN = {"username": "admin", "password": PASSWORD}
OTHER_SITES = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://panel.example.org.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


async def detail(answer: ClientResponse) -> str:
    body = await answer.json()
    assert body["detail"] == body["error"] and body["status"] == answer.status
    return str(body["detail"])


@pytest.fixture
async def bare() -> AsyncIterator[ClientSession]:
    """A client that keeps no cookies."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield session


async def test_logging_in_and_out_as_documented(stranger: TestClient) -> None:
    answer = await stranger.post("/api/auth/login", json=LOGIN)
    assert (answer.status, await answer.json()) == (200, {"success": True, "message": "Login successful"})
    answer = await stranger.get("/api/auth/check")
    assert await answer.json() == {"authenticated": True, "username": "admin"}

    answer = await stranger.post("/api/auth/logout")

    assert (answer.status, await answer.json()) == (200, {"success": True, "message": "Logged out"})
    answer = await stranger.get("/api/auth/check")
    assert (answer.status, await answer.json()) == (200, {"authenticated": False, "username": None})


async def test_logging_out_twice_is_no_failure(stranger: TestClient) -> None:
    assert (await stranger.post("/api/auth/logout")).status == 200


async def test_a_wrong_password_gets_no_cookie(stranger: TestClient) -> None:
    answer = await stranger.post("/api/auth/login", json=LOGIN | {"password": "wrong"})

    assert answer.status == 401
    assert await detail(answer) == "Invalid username or password"
    assert not answer.cookies


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "username: Field required; password: Field required"),
        (LOGIN | {"remember": True}, "remember: Extra inputs are not permitted"),
        (LOGIN | {"username": 1}, "username: Input should be a valid string"),
    ],
)
async def test_a_malformed_login_is_told_what_is_wrong(
    stranger: TestClient, body: object, sentence: str
) -> None:
    answer = await stranger.post("/api/auth/login", json=body)

    assert answer.status == 400
    assert await detail(answer) == sentence


async def test_guessing_is_slowed_over_http(stranger: TestClient) -> None:
    answers = [await stranger.post("/api/auth/login", json=LOGIN | {"password": str(n)}) for n in range(11)]

    assert [answer.status for answer in answers] == [401] * 10 + [429]
    assert re.fullmatch(r"Too many wrong passwords; try again in \d+ s\.", await detail(answers[-1]))


async def test_a_local_proxy_is_believed_about_whom_it_speaks_for(stranger: TestClient) -> None:
    for n in range(11):
        await stranger.post(
            "/api/auth/login",
            json=LOGIN | {"password": str(n)},
            headers={"X-Forwarded-For": "198.51.100.7, 192.0.2.1"},
        )

    owner = {"X-Forwarded-For": "192.0.2.2"}
    assert (await stranger.post("/api/auth/login", json=LOGIN, headers=owner)).status == 200


async def test_a_proxy_that_is_not_named_is_not_believed(
    settings: Settings, aiohttp_client: AiohttpClient
) -> None:
    elsewhere = settings.model_copy(update={"trusted_proxies": (ip_network("192.0.2.0/24"),)})
    async with running(elsewhere) as hub:
        await hub.accounts.add_first(PASSWORD)
        stranger = await aiohttp_client(make_app(hub))
        lies = [{"X-Forwarded-For": f"198.51.100.{n}", "X-Forwarded-Proto": "https"} for n in range(20)]

        wrong = LOGIN | {"password": "wrong"}
        asked = [stranger.post("/api/auth/login", json=wrong, headers=lie) for lie in lies]
        answers = await asyncio.gather(*asked)

        assert 429 in {answer.status for answer in answers}
        assert "Strict-Transport-Security" not in answers[0].headers


async def test_the_origin_is_compared_with_the_host_that_the_proxy_was_asked_for(
    stranger: TestClient,
) -> None:
    headers = {
        "Origin": "https://hub.example",
        "X-Forwarded-Host": "hub.example",
        "X-Forwarded-Proto": "https",
    }

    answer = await stranger.post("/api/auth/login", json=LOGIN, headers=headers)

    assert answer.status == 200, await answer.text()
    assert "Strict-Transport-Security" in answer.headers


def cookie_of(answer: ClientResponse) -> str:
    return answer.headers["Set-Cookie"]


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: TestClient) -> None:
    cookie = cookie_of(await stranger.post("/api/auth/login", json=LOGIN))

    assert re.match(r"session_id=[A-Za-z0-9_-]{43};", cookie)
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


async def test_the_cookie_is_secure_when_the_login_came_by_https(stranger: TestClient) -> None:
    by_https = {"X-Forwarded-Proto": "https"}

    assert "Secure" in cookie_of(await stranger.post("/api/auth/login", json=LOGIN, headers=by_https))


async def test_each_login_has_a_new_id_and_ends_the_one_before(
    stranger: TestClient, bare: ClientSession
) -> None:
    first = (await stranger.post("/api/auth/login", json=LOGIN)).cookies["session_id"].value
    second = (await stranger.post("/api/auth/login", json=LOGIN)).cookies["session_id"].value

    assert first != second
    for value, known in ((first, False), (second, True)):
        cookie = {"Cookie": f"session_id={value}"}
        async with bare.get(stranger.make_url("/api/auth/check"), headers=cookie) as answer:
            assert (await answer.json())["authenticated"] is known


async def test_an_id_that_a_stranger_planted_does_not_become_a_login(
    stranger: TestClient, bare: ClientSession
) -> None:
    planted = {"Cookie": "session_id=" + "A" * 43}
    async with bare.post(stranger.make_url("/api/auth/login"), json=LOGIN, headers=planted) as answer:
        assert SimpleCookie(cookie_of(answer))["session_id"].value != "A" * 43

    async with bare.get(stranger.make_url("/api/auth/check"), headers=planted) as answer:
        assert (await answer.json())["authenticated"] is False


@pytest.mark.parametrize("headers", OTHER_SITES, ids=str)
async def test_another_sites_page_cannot_act_as_the_user(admin: TestClient, headers: dict[str, str]) -> None:
    for route in ROUTES:
        if route.access is not Access.AGENT and route.method != "GET":
            answer = await admin.request(route.method, re.sub(r"\{\w+\}", "x", route.path), headers=headers)
            assert answer.status == 403, route
            assert "add its origin to trusted_origins in the hub's settings" in await detail(answer)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert (await admin.get("/ws?vm_name=x", headers=headers | upgrade)).status == 403
    assert (await (await admin.get("/api/auth/check")).json())["authenticated"]


async def test_our_own_page_a_trusted_one_and_a_program_may_act(admin: TestClient) -> None:
    own = f"http://{admin.host}:{admin.port}"
    for headers in (
        {"Origin": own, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://panel.example.org", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {},
    ):
        assert (await admin.post("/api/agent/keys", json={"name": "k"}, headers=headers)).status == 200


async def test_reading_from_elsewhere_is_the_browsers_business(admin: TestClient) -> None:
    assert (await admin.get("/api/agent/keys", headers={"Origin": "https://evil.example"})).status == 200


async def test_the_query_parameter_opens_the_terminal_and_nothing_else(
    admin: TestClient, bare: ClientSession
) -> None:
    session_id = (await admin.post("/api/auth/login", json=LOGIN)).cookies["session_id"].value

    async with bare.get(admin.make_url(f"/api/agent/keys?session_id={session_id}")) as answer:
        assert answer.status == 401
    async with bare.get(admin.make_url("/ws?vm_name=x&session_id=wrong")) as answer:
        assert answer.status == 401
    async with bare.get(admin.make_url(f"/ws?vm_name=x&session_id={session_id}")) as answer:
        assert answer.status == 400
        assert await detail(answer) == "/ws is a WebSocket; connect with a WebSocket client"


async def test_keys_are_made_listed_and_revoked(admin: TestClient, hub: Hub) -> None:
    answer = await admin.post("/api/agent/keys", json={"name": "Oslo", "agent_id": "oslo-1"})
    issued = await answer.json()
    assert answer.status == 200
    assert set(issued) == {"id", "name", "agent_id", "approved", "api_key", "created_at", "last_used_at"}
    listed = await (await admin.get("/api/agent/keys")).json()
    assert [(key["id"], key.get("api_key")) for key in listed] == [(issued["id"], None)]

    answer = await admin.delete(f"/api/agent/keys/{issued['id']}")

    assert await answer.json() == {"success": True, "message": f"Agent key '{issued['id']}' revoked"}
    with pytest.raises(InvalidApiKey):
        await hub.keys.authenticate(issued["api_key"], "oslo-1")
    answer = await admin.delete(f"/api/agent/keys/{issued['id']}")
    assert answer.status == 404
    assert await detail(answer) == f"There is no agent key '{issued['id']}'."


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x", "agent_id": "-bad"}, {"name": "a\nb"}])
async def test_a_malformed_key_is_refused(admin: TestClient, body: object) -> None:
    assert (await admin.post("/api/agent/keys", json=body)).status == 400


async def test_a_key_is_no_login_and_a_login_is_no_key(
    admin: TestClient, hub: Hub, bare: ClientSession
) -> None:
    key = {"X-API-Key": (await hub.keys.issue("Oslo", "oslo-1")).api_key}

    async with bare.get(admin.make_url("/api/agent/keys"), headers=key) as answer:
        assert answer.status == 401
    assert (await admin.post("/api/agent/heartbeat", json={"agent_id": "oslo-1"})).status == 401


async def test_health(stranger: TestClient, hub: Hub) -> None:
    assert (await stranger.get("/healthz")).status == 200
    assert (await stranger.get("/readyz")).status == 200
    async with hub.database.writing() as connection:  # a busy database still answers
        await connection.execute(sa.update(users).values(role="admin"))
        assert (await stranger.get("/readyz")).status == 200
