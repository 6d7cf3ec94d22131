"""API tokens: how they are shown, what they may, and how they end."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientSession, DummyCookieJar
from aiohttp.test_utils import TestClient

from batwa_common.errors import Forbidden, NotAuthenticated, NotFound, TooManyRequests
from batwa_common.wire.token import NewToken
from batwa_hub.hub import Hub
from batwa_hub.services.accounts import Accounts
from batwa_hub.services.guesses import FREE
from batwa_hub.services.living import CACHE_S
from batwa_hub.services.passwords import Passwords
from batwa_hub.services.rights import Rights
from batwa_hub.services.tokens import Grant, Tokens
from batwa_hub.store.database import Database
from batwa_hub.store.tables import api_tokens, users

ADMIN, OPERATOR = Rights("admin", terminals=True), Rights("operator", terminals=True)
VIEWER = Rights("viewer", terminals=False)
NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


class Time:
    """Both clocks."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def tokens(database: Database, time: Time) -> Tokens:
    return Tokens(database, now=time.now, clock=time.monotonic)


@pytest.fixture
async def owner(database: Database) -> str:
    await Accounts(database, Passwords()).set_admin_password("a password")
    async with database.reading() as connection:
        return str(await connection.scalar(sa.select(users.c.id)))


async def issue(tokens: Tokens, owner: str, **asked: Any) -> str:
    new = NewToken.model_validate({"name": "ci", "role": "operator"} | asked)
    return (await tokens.issue(new, user_id=owner, rights=ADMIN, with_token=None)).token


async def uses(tokens: Tokens, secret: str) -> Grant:
    return await tokens.authenticate(secret, address="10.0.0.1")


async def demote(database: Database, role: str) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.update(users).values(role=role))


async def test_the_secret_is_shown_once_and_kept_nowhere(
    tokens: Tokens, owner: str, database: Database
) -> None:
    secret = await issue(tokens, owner)

    assert secret.startswith("bat_") and len(secret) == 47
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(api_tokens))).mappings().one()
    assert secret not in str(dict(row))
    (shown,) = await tokens.find_all(user_id=owner)
    assert not hasattr(shown, "token") and shown.owner == "admin"


async def test_a_token_may_what_the_weaker_of_it_and_its_owner_may(
    tokens: Tokens, owner: str, database: Database
) -> None:
    secret = await issue(tokens, owner)
    assert (await uses(tokens, secret)).rights.role == "operator"

    await demote(database, "viewer")
    tokens.doubt()

    assert (await uses(tokens, secret)).rights.role == "viewer"


async def test_a_change_in_another_process_is_seen_within_a_second(
    tokens: Tokens, owner: str, database: Database, time: Time
) -> None:
    secret = await issue(tokens, owner)
    await uses(tokens, secret)
    await demote(database, "viewer")

    time.passed_s += CACHE_S + 0.1

    assert (await uses(tokens, secret)).rights.role == "viewer"


async def test_nobody_makes_a_token_stronger_than_they_are(tokens: Tokens, owner: str) -> None:
    with pytest.raises(Forbidden):
        await tokens.issue(NewToken(name="x", role="admin"), user_id=owner, rights=OPERATOR, with_token=None)


async def test_a_token_ends_when_it_expires(tokens: Tokens, owner: str, time: Time) -> None:
    secret = await issue(tokens, owner, expires_in_s=60)
    ended = asyncio.Event()
    with tokens.ends((await uses(tokens, secret)).key, ended.set):
        await tokens.look()
        assert not ended.is_set()
        time.passed_s += 60

        await tokens.look()

    assert ended.is_set()
    with pytest.raises(NotAuthenticated):
        await uses(tokens, secret)


@pytest.mark.parametrize(
    "how", ["revoked", "owner removed", "owner disabled", "owner limited", "owner demoted"]
)
async def test_what_is_open_through_a_token_ends_with_it(
    tokens: Tokens, owner: str, database: Database, how: str
) -> None:
    grant = await uses(tokens, await issue(tokens, owner))
    ended = asyncio.Event()
    with tokens.ends(grant.key, ended.set):
        match how:
            case "revoked":
                await tokens.revoke(grant.token_id, user_id=owner, rights=ADMIN)
            case "owner removed":
                async with database.writing() as connection:
                    await connection.execute(sa.delete(users))
                await tokens.look()
            case "owner disabled" | "owner limited":
                less = {"disabled": True} if how == "owner disabled" else {"agents": ["oslo"]}
                async with database.writing() as connection:
                    await connection.execute(sa.update(users).values(less))
                await tokens.look()
            case _:
                await demote(database, "viewer")
                await tokens.look()
    assert ended.is_set()


async def test_a_revoked_token_is_refused_at_once(tokens: Tokens, owner: str) -> None:
    secret = await issue(tokens, owner)
    grant = await uses(tokens, secret)
    with pytest.raises(NotFound):
        await tokens.revoke(grant.token_id, user_id="somebody else", rights=VIEWER)
    with pytest.raises(Forbidden):
        await tokens.revoke(grant.token_id, user_id=owner, rights=VIEWER)

    await tokens.revoke(grant.token_id, user_id=owner, rights=OPERATOR)

    with pytest.raises(NotAuthenticated):
        await uses(tokens, secret)


async def test_the_last_use_is_written_once_a_minute(tokens: Tokens, owner: str, time: Time) -> None:
    secret, seen = await issue(tokens, owner), []
    for step_s in (0, 30, 29, 10):
        time.passed_s += step_s
        await uses(tokens, secret)
        (shown,) = await tokens.find_all(user_id=owner)
        assert shown.last_used_at is not None
        seen.append((shown.last_used_at - NOW).total_seconds())
    assert seen == [0, 0, 0, 69]


async def test_a_token_makes_none_that_outlives_it_and_a_limited_one_makes_none(
    tokens: Tokens, owner: str
) -> None:
    short = await uses(tokens, await issue(tokens, owner, expires_in_s=60))
    limited = await uses(tokens, await issue(tokens, owner, agents=["oslo"]))
    new = NewToken(name="child", role="viewer", expires_in_s=3600)

    made = await tokens.issue(new, user_id=owner, rights=OPERATOR, with_token=short.token_id)

    assert made.expires_at == short.expires_at
    with pytest.raises(Forbidden):
        await tokens.issue(new, user_id=owner, rights=OPERATOR, with_token=limited.token_id)


async def test_guessing_is_slowed_and_hinders_no_right_token(tokens: Tokens, owner: str) -> None:
    right = await issue(tokens, owner)
    for _ in range(FREE):
        with pytest.raises(NotAuthenticated):
            await uses(tokens, "bat_wrong")
    with pytest.raises(TooManyRequests, match="Too many wrong tokens"):
        await uses(tokens, "bat_wrong")

    assert (await uses(tokens, right)).owner == "admin"


@pytest.fixture
async def bare(stranger: TestClient) -> AsyncIterator[ClientSession]:
    """A program without cookies."""
    async with ClientSession(str(stranger.make_url("")), cookie_jar=DummyCookieJar()) as session:
        yield session


async def made(admin: TestClient, **asked: object) -> dict[str, Any]:
    answer = await admin.post("/api/auth/tokens", json={"name": "ci", "role": "operator"} | asked)
    assert answer.status == 200, await answer.text()
    return dict(await answer.json())


def bearer(token: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {token['token']}"}


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()}


async def test_over_http_as_bearer_and_as_the_password_of_basic(
    admin: TestClient, bare: ClientSession
) -> None:
    token = await made(admin)
    assert set(token) == {
        *("id", "name", "owner", "role", "terminals", "agents", "tags"),
        *("created_at", "expires_at", "last_used_at", "token"),
    }

    for headers in (bearer(token), basic(token["token"])):
        assert (await bare.get("/api/vm/list", headers=headers)).status == 200
        assert (await bare.get("/api/users", headers=headers)).status == 403
        who = await (await bare.get("/api/auth/check", headers=headers)).json()
        assert who == {"authenticated": True, "username": "admin"}
    for headers in ({"Authorization": "Bearer nonsense"}, basic("bat_nonsense"), basic("x"), {}):
        assert (await bare.get("/api/vm/list", headers=headers)).status == 401
    assert (await admin.delete(f"/api/auth/tokens/{token['id']}")).status == 200
    assert (await bare.get("/api/vm/list", headers=bearer(token))).status == 401


async def test_another_sites_page_can_use_basic_and_cookies_no_more_than_before(
    admin: TestClient, bare: ClientSession
) -> None:
    token, elsewhere = await made(admin), {"Origin": "https://evil.example"}

    answer = await bare.post("/api/vm/start", json={"name": "x"}, headers=basic(token["token"]) | elsewhere)
    assert answer.status == 403
    answer = await bare.post("/api/vm/start", json={"name": "x"}, headers=bearer(token) | elsewhere)
    assert answer.status == 404


async def test_a_proxys_own_basic_password_does_not_hinder_a_session(admin: TestClient) -> None:
    assert (await admin.get("/api/users", headers=basic("the proxy's"))).status == 200


async def test_a_token_sees_and_revokes_no_more_than_it_may(
    admin: TestClient, bare: ClientSession, hub: Hub
) -> None:
    mine, other = await made(admin, agents=["oslo"]), await made(admin, name="other")

    answer = await bare.delete(f"/api/auth/tokens/{other['id']}", headers=bearer(mine))
    assert answer.status == 403
    answer = await bare.post("/api/auth/tokens", json={"name": "n", "role": "viewer"}, headers=bearer(mine))
    assert answer.status == 403
    assert (await bare.delete(f"/api/auth/tokens/{mine['id']}", headers=bearer(mine))).status == 200
    assert [token.id for token in await hub.tokens.find_all(user_id=None)] == [other["id"]]


@pytest.mark.parametrize(
    "asked",
    [{"name": ""}, {"role": "root"}, {"expires_in_s": 0}, {"agents": []}, {"role": "admin", "agents": ["a"]}],
)
async def test_a_malformed_token_is_refused(admin: TestClient, asked: dict[str, object]) -> None:
    body = {"name": "ci", "role": "viewer"} | asked
    assert (await admin.post("/api/auth/tokens", json=body)).status == 400
