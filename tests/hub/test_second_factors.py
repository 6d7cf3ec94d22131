"""Authenticator apps: what a login then needs, what counts once, and the ways back in."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from aiohttp import ClientResponse, ClientSession, CookieJar
from aiohttp.test_utils import TestClient
from cryptography.fernet import Fernet, MultiFernet

from batwa_common.errors import NotAuthenticated, SecondFactorRequired, TooManyRequests
from batwa_hub.hub import Hub
from batwa_hub.services.accounts import Accounts
from batwa_hub.services.guesses import FREE
from batwa_hub.services.passwords import Passwords
from batwa_hub.services.second_factors import RECOVERY_CODES, SecondFactors
from batwa_hub.store.database import Database
from batwa_hub.store.tables import totp, users

from .conftest import PASSWORD
from .guessing import guess_until_slowed

LOGIN = {"username": "admin", "password": PASSWORD}
NOW = datetime(2026, 11, 21, 20, 0, 5, tzinfo=UTC)


class Time:
    """The wall clock."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def factors(database: Database, time: Time) -> SecondFactors:
    return SecondFactors(database, MultiFernet([Fernet(Fernet.generate_key())]), now=time.now)


@pytest.fixture
async def owner(database: Database) -> str:
    await Accounts(database, Passwords()).set_admin_password("a password")
    async with database.reading() as connection:
        return str(await connection.scalar(sa.select(users.c.id)))


async def enable(factors: SecondFactors, owner: str, time: Time) -> tuple[pyotp.TOTP, tuple[str, ...]]:
    """Add an app and move on to its next code."""
    app = pyotp.TOTP((await factors.begin(owner, name="ada", issuer="Batwa hub")).secret)
    codes = (await factors.confirm(owner, app.at(time.now()))).codes
    time.passed_s += 30
    return app, codes


async def test_without_an_app_no_code_is_asked_for(factors: SecondFactors, owner: str) -> None:
    await factors.check(owner, None)
    assert await factors.of(owner) == (False, 0)


async def test_an_app_counts_once_it_has_shown_a_code(factors: SecondFactors, owner: str, time: Time) -> None:
    made = await factors.begin(owner, name="ada", issuer="Batwa hub")
    assert made.uri.startswith("otpauth://totp/Batwa%20hub:ada?secret=")
    await factors.check(owner, None)

    with pytest.raises(NotAuthenticated):
        await factors.confirm(owner, "000000")
    codes = (await factors.confirm(owner, pyotp.TOTP(made.secret).at(time.now()))).codes

    assert len(set(codes)) == RECOVERY_CODES
    with pytest.raises(SecondFactorRequired):
        await factors.check(owner, None)


async def test_a_code_counts_once_and_so_does_one_before_it(
    factors: SecondFactors, owner: str, time: Time
) -> None:
    app, _ = await enable(factors, owner, time)
    earlier, code = app.at(time.now() - timedelta(seconds=30)), app.at(time.now())
    await factors.check(owner, code)

    for used in (code, earlier):
        with pytest.raises(NotAuthenticated, match="wait for the app's next one"):
            await factors.check(owner, used)
    time.passed_s += 30
    await factors.check(owner, app.at(time.now()))


async def test_two_at_once_with_one_code_let_one_in(factors: SecondFactors, owner: str, time: Time) -> None:
    app, codes = await enable(factors, owner, time)
    for code in (app.at(time.now()), codes[0]):
        told = await asyncio.gather(*(factors.check(owner, code) for _ in range(4)), return_exceptions=True)
        assert sorted(type(each).__name__ for each in told) == ["NoneType"] + ["NotAuthenticated"] * 3


@pytest.mark.parametrize(("off_s", "counts"), [(-60, False), (-30, True), (30, True), (60, False)])
async def test_a_phones_clock_may_be_a_little_off(
    factors: SecondFactors, owner: str, time: Time, off_s: int, counts: bool
) -> None:
    app, _ = await enable(factors, owner, time)
    time.passed_s += 300
    code = app.at(time.now() + timedelta(seconds=off_s))

    if counts:
        await factors.check(owner, f"{code[:3]} {code[3:]}")
    else:
        with pytest.raises(NotAuthenticated):
            await factors.check(owner, code)


async def test_a_recovery_code_counts_once_however_it_is_typed(
    factors: SecondFactors, owner: str, time: Time
) -> None:
    _, codes = await enable(factors, owner, time)

    await factors.check(owner, codes[3].upper().replace("-", " "))

    with pytest.raises(NotAuthenticated):
        await factors.check(owner, codes[3])
    assert (await factors.of(owner)).recovery_codes == RECOVERY_CODES - 1
    fresh = (await factors.renew(owner, codes[4])).codes
    assert not set(fresh) & set(codes)
    with pytest.raises(NotAuthenticated):
        await factors.check(owner, codes[5])


async def test_guessing_codes_is_slowed_wherever_it_comes_from(
    factors: SecondFactors, owner: str, time: Time
) -> None:
    await enable(factors, owner, time)
    for _ in range(FREE):
        with pytest.raises(NotAuthenticated):
            await factors.check(owner, "000000")

    with pytest.raises(TooManyRequests, match="Too many wrong codes"):
        await factors.check(owner, "000000")


async def test_the_store_holds_neither_secret_nor_codes(
    factors: SecondFactors, owner: str, time: Time, database: Database
) -> None:
    app, codes = await enable(factors, owner, time)

    async with database.reading() as connection:
        row = str((await connection.execute(sa.select(totp))).mappings().one())

    assert app.secret not in row
    assert not any(code in row or code.replace("-", "") in row for code in codes)


async def test_a_new_admin_password_from_the_hubs_own_machine_removes_the_app(
    factors: SecondFactors, owner: str, time: Time, database: Database
) -> None:
    await enable(factors, owner, time)

    await Accounts(database, Passwords()).set_admin_password("another")

    await factors.check(owner, None)


async def ok(answer: ClientResponse) -> Any:
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_over_http_from_the_first_secret_to_the_way_back(admin: TestClient) -> None:
    refused = await admin.post("/api/auth/totp", json={"password": "wrong"})
    assert refused.status == 401
    made = await ok(await admin.post("/api/auth/totp", json={"password": PASSWORD}))
    app = pyotp.TOTP(made["secret"])
    codes = (await ok(await admin.post("/api/auth/totp/confirm", json={"code": app.now()})))["codes"]
    me = await ok(await admin.get("/api/auth/me"))
    assert (me["totp"], me["recovery_codes"]) == (True, 10)
    assert (await admin.post("/api/auth/totp", json={"password": PASSWORD})).status == 409

    async with ClientSession(str(admin.make_url("")), cookie_jar=CookieJar(unsafe=True)) as browser:
        answer = await browser.post("/api/auth/login", json=LOGIN)
        told = await answer.json()
        assert (answer.status, told["code"], bool(answer.cookies)) == (401, "second-factor-required", False)
        answer = await browser.post("/api/auth/login", json=LOGIN | {"code": "000000"})
        assert (answer.status, bool(answer.cookies)) == (401, False)
        answer = await browser.post("/api/auth/login", json=LOGIN | {"password": "wrong", "code": codes[0]})
        assert (await answer.json())["detail"] == "Invalid username or password"
        assert await ok(await browser.post("/api/auth/login", json=LOGIN | {"code": codes[0]})) == {
            "success": True,
            "message": "Login successful",
        }
        assert (await browser.delete("/api/auth/totp", json={"code": codes[0]})).status == 401
        await ok(await browser.delete("/api/auth/totp", json={"code": codes[1]}))
        await ok(await browser.post("/api/auth/login", json=LOGIN))


async def test_guessing_codes_at_the_door_is_slowed_and_recorded(admin: TestClient, hub: Hub) -> None:
    ann = {"name": "ann", "password": "ann's password", "role": "viewer"}
    await ok(await admin.post("/api/users", json=ann))
    ann_id = await hub.users.id_of("ann")
    app = pyotp.TOTP((await hub.second_factors.begin(ann_id, name="ann", issuer="Batwa")).secret)
    recovery = (await hub.second_factors.confirm(ann_id, app.now())).codes[0]
    login = {"username": "ann", "password": ann["password"]}
    async with ClientSession(str(admin.make_url(""))) as guesser:
        tried = await guess_until_slowed(guesser, login | {"code": "000000"})
        right = await guesser.post("/api/auth/login", json=login | {"code": recovery})

    assert tried[:FREE] == [401] * FREE and tried.count(401) > FREE
    assert (right.status, "Retry-After" in right.headers) == (429, True), "also who has guessed it waits"
    query = {"action": "auth/login", "target": "ann", "outcome": "refused"}
    seen = (await ok(await admin.get("/api/audit", params=query)))["records"]
    assert [each["status"] for each in seen][-FREE:] == [401] * FREE


async def test_switching_it_on_ends_the_sessions_that_came_in_without(admin: TestClient) -> None:
    async with ClientSession(str(admin.make_url("")), cookie_jar=CookieJar(unsafe=True)) as elsewhere:
        await ok(await elsewhere.post("/api/auth/login", json=LOGIN))
        made = await ok(await admin.post("/api/auth/totp", json={"password": PASSWORD}))
        await ok(await admin.post("/api/auth/totp/confirm", json={"code": pyotp.TOTP(made["secret"]).now()}))

        assert (await elsewhere.get("/api/auth/me")).status == 401
    assert (await admin.get("/api/auth/me")).status == 200


async def test_an_admin_helps_who_has_lost_the_phone(admin: TestClient, hub: Hub) -> None:
    ann = {"name": "ann", "password": "ann's password", "role": "viewer"}
    await ok(await admin.post("/api/users", json=ann))
    ann_id = await hub.users.id_of("ann")
    app = pyotp.TOTP((await hub.second_factors.begin(ann_id, name="ann", issuer="Batwa")).secret)
    await hub.second_factors.confirm(ann_id, app.now())
    listed = {user["name"]: user["totp"] for user in await ok(await admin.get("/api/users"))}
    assert listed == {"admin": False, "ann": True}

    await ok(await admin.delete("/api/users/ann/totp"))

    login = {"username": "ann", "password": ann["password"]}
    await ok(await admin.post("/api/auth/login", json=login))
