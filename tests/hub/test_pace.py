"""How often somebody may ask, and what whoever asks more often is told."""

import pytest
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient
from cryptography.fernet import Fernet, MultiFernet

from batwa_common.errors import TooManyRequests
from batwa_hub.app import make_app
from batwa_hub.hub import running
from batwa_hub.services.devices import Devices
from batwa_hub.services.guesses import FREE
from batwa_hub.services.pace import BURST_S, MOST_KEYS, Pace
from batwa_hub.settings import Settings

from .conftest import PASSWORD
from .guessing import guess_until_slowed

LOGIN = {"username": "admin", "password": PASSWORD}


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def refused(pace: Pace, key: str = "ada") -> int:
    with pytest.raises(TooManyRequests) as no:
        pace.take(key)
    assert no.value.retry_after_s is not None
    return no.value.retry_after_s


def test_some_may_come_at_once_and_then_no_faster_than_the_rate() -> None:
    clock = Clock()
    pace = Pace(per_minute=60, now=clock)
    for _ in range(int(BURST_S)):
        pace.take("ada")

    assert refused(pace) == 1
    pace.take("bob")
    clock.s += 1.0
    pace.take("ada")
    assert refused(pace) == 1
    clock.s += BURST_S
    for _ in range(int(BURST_S)):
        pace.take("ada")


def test_a_rate_below_one_in_a_burst_lets_one_through() -> None:
    clock = Clock()
    pace = Pace(per_minute=1, now=clock)

    pace.take("ada")
    assert refused(pace) == 60
    clock.s += 60
    pace.take("ada")


def test_no_rate_is_no_limit_and_the_memory_is_bounded() -> None:
    free = Pace(per_minute=0)
    for _ in range(1000):
        free.take("ada")
    pace = Pace(per_minute=60, now=Clock())
    for number in range(MOST_KEYS + 10):
        pace.take(str(number))

    assert len(pace._due) == MOST_KEYS


async def test_callers_and_strangers_are_told_when_to_come_again(
    settings: Settings, aiohttp_client: AiohttpClient
) -> None:
    limit = settings.limit.model_copy(update={"caller_per_minute": 2.0, "stranger_per_minute": 2.0})
    async with running(settings.model_copy(update={"limit": limit})) as hub:
        await hub.accounts.add_first(PASSWORD)
        client = await aiohttp_client(make_app(hub))
        assert (await client.post("/api/auth/login", json=LOGIN)).status == 200  # counts as a stranger's

        known = [await client.get("/api/vm/list") for _ in range(2)]
        assert [answer.status for answer in known] == [200, 429]
        assert 20 < int(known[-1].headers["Retry-After"]) <= 30
        assert (await known[-1].json())["code"] == "too-many-requests"

        client.session.cookie_jar.clear()
        assert (await client.get("/api/vm/list")).status == 429
        await client.close()


async def test_a_browser_that_logged_in_before_does_not_wait_for_guessers_beside_it(
    stranger: TestClient,
) -> None:
    assert "known_device" not in (await stranger.post("/api/auth/login", json=LOGIN)).cookies
    answer = await stranger.post("/api/auth/login", json=LOGIN, headers={"Sec-Fetch-Site": "same-origin"})
    cookie = answer.cookies["known_device"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/api/auth"
    stranger.session.cookie_jar.clear()
    wrong = LOGIN | {"password": "wrong"}
    assert (await guess_until_slowed(stranger, wrong))[:FREE] == [401] * FREE

    assert (await stranger.post("/api/auth/login", json=LOGIN)).status == 429
    device = {"Cookie": f"known_device={cookie.value}"}
    assert (await stranger.post("/api/auth/login", json=LOGIN, headers=device)).status == 200


def test_a_proof_is_for_one_account_and_of_this_hub() -> None:
    devices = Devices(MultiFernet([Fernet(Fernet.generate_key())]))
    proof = devices.prove("ada")

    assert devices.find("ada", proof) is not None
    assert devices.find("bob", proof) is None
    assert devices.find("ada", "x" * 40) is None and devices.find("ada", "œ") is None
    assert devices.find("ada", None) is None
    elsewhere = Devices(MultiFernet([Fernet(Fernet.generate_key())]))
    assert elsewhere.find("ada", proof) is None
