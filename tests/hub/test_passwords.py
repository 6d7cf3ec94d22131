"""How passwords are kept and checked, and what guessing gets."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from batwa_common.errors import NotAuthenticated, TooManyRequests, Unavailable
from batwa_hub.services.accounts import Accounts
from batwa_hub.services.guesses import (
    FORGET_S,
    FREE,
    FREE_OF_ACCOUNT,
    FREE_OF_PLACE,
    KNOWN_FOR_S,
    LONGEST_WAIT_S,
    MOST_SOURCES,
    Guesses,
)
from batwa_hub.services.passwords import PARALLEL, Passwords
from batwa_hub.services.sessions import Sessions
from batwa_hub.store.database import Database
from batwa_hub.store.tables import guesses as table


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guesses(database: Database, clock: Clock) -> Guesses:
    return Guesses(database, now=clock)


async def test_a_hash_tells_how_it_was_made_and_only_the_password_fits() -> None:
    passwords = Passwords()

    hashed = await passwords.hash("sesame")

    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify("sesame", hashed)
    assert not await passwords.verify("Sesame", hashed)
    assert await passwords.hash("sesame") != hashed


async def test_nobodys_password_is_never_right() -> None:
    assert not await Passwords().verify("nobody has this password", None)


async def test_an_unknown_user_costs_as_much_time_as_a_wrong_password() -> None:
    passwords = Passwords()
    hashed = await passwords.hash("sesame")

    async def fastest(known: str | None) -> float:
        took = []
        for _ in range(4):
            began = time.perf_counter()
            await passwords.verify("wrong", known)
            took.append(time.perf_counter() - began)
        return min(took)

    assert 0.4 < await fastest(None) / await fastest(hashed) < 2.5


async def test_the_loop_goes_on_while_many_log_in() -> None:
    passwords = Passwords()
    hashed = await passwords.hash("sesame")
    checks = asyncio.gather(*(passwords.verify("wrong", hashed) for _ in range(3 * PARALLEL)))

    turns = 0
    while not checks.done():
        await asyncio.sleep(0.001)
        turns += 1

    assert turns > 3 * PARALLEL
    assert not any(await checks)


async def test_a_person_may_mistype_and_then_waits_ever_longer(guesses: Guesses, clock: Clock) -> None:
    for _ in range(FREE):
        await guesses.attempt("ada", "192.0.2.1")

    waits = []
    for _ in range(10):
        with pytest.raises(TooManyRequests, match=r"^Too many wrong passwords; try again in \d+ s\.$") as no:
            await guesses.attempt("ada", "192.0.2.1")
        waits.append(int(str(no.value).split()[-2]))
        clock.go(waits[-1])
        await guesses.attempt("ada", "192.0.2.1")

    assert waits == sorted(waits)
    assert waits[0] <= 2 and waits[-1] == LONGEST_WAIT_S


async def test_guessing_from_elsewhere_does_not_lock_the_owner_out(guesses: Guesses) -> None:
    for _ in range(FREE):
        await guesses.attempt("ada", "192.0.2.1")

    await guesses.attempt("ada", "192.0.2.2")
    await guesses.attempt("bob", "192.0.2.1")


async def test_one_customer_of_a_provider_is_one_source(guesses: Guesses) -> None:
    for host in range(FREE):
        await guesses.attempt("ada", f"2001:db8:0:1::{host:x}")

    with pytest.raises(TooManyRequests):
        await guesses.attempt("ada", "2001:db8:0:1:ffff::1")
    await guesses.attempt("ada", "2001:db8:0:2::1")


async def test_success_and_time_forgive(guesses: Guesses, clock: Clock) -> None:
    for _ in range(FREE):
        await guesses.attempt("ada", "a")
        await guesses.attempt("bob", "a")

    await guesses.succeeded("ada", "a")
    await guesses.attempt("ada", "a")
    clock.go(3600)
    for _ in range(FREE):
        await guesses.attempt("bob", "a")


async def test_spraying_one_password_over_many_accounts_is_slowed(guesses: Guesses) -> None:
    for number in range(FREE_OF_PLACE):
        await guesses.attempt(f"user {number}", "192.0.2.1")

    with pytest.raises(TooManyRequests) as no:
        await guesses.attempt("another", "192.0.2.1")
    assert no.value.retry_after_s == 1.0
    await guesses.attempt("another", "192.0.2.2")


async def test_many_places_guessing_one_account_are_slowed_and_its_owner_is_not(guesses: Guesses) -> None:
    await guesses.attempt("ada", "198.51.100.1")
    await guesses.succeeded("ada", "198.51.100.1")
    for number in range(FREE_OF_ACCOUNT):
        await guesses.attempt("ada", f"192.0.2.{number}")

    with pytest.raises(TooManyRequests):
        await guesses.attempt("ada", "203.0.113.9")
    await guesses.attempt("ada", "198.51.100.1")
    await guesses.attempt("ada", "203.0.113.9", device="laptop")
    await guesses.attempt("bob", "203.0.113.9")


async def test_a_known_device_waits_for_its_own_mistakes(guesses: Guesses) -> None:
    for _ in range(FREE):
        await guesses.attempt("ada", "192.0.2.1", device="laptop")

    with pytest.raises(TooManyRequests):
        await guesses.attempt("ada", "192.0.2.1", device="laptop")


async def test_what_is_wrong_at_one_process_is_counted_at_all(
    url: str, guesses: Guesses, clock: Clock
) -> None:
    async with await Database.open(url) as theirs:
        another = Guesses(theirs, now=clock)
        for _ in range(FREE // 2):
            await guesses.attempt("ada", "192.0.2.1")
            await another.attempt("ada", "192.0.2.1")

        for each in (guesses, another):
            with pytest.raises(TooManyRequests):
                await each.attempt("ada", "192.0.2.1")


async def test_the_silent_are_forgotten_and_so_are_too_many(
    database: Database, guesses: Guesses, clock: Clock
) -> None:
    async def kept() -> int:
        await guesses.sweep()
        async with database.reading() as connection:
            return await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0

    await guesses.succeeded("ada", "192.0.2.1")
    await guesses.attempt("bob", "192.0.2.2", device="laptop")
    clock.go(FORGET_S + 1)
    assert await kept() == 1, "bob is forgotten, and where ada comes from is not"

    tally = {"of": "passwords", "account": "", "attempts": 1, "last_at": clock.now, "known": False}
    async with database.writing() as connection:
        many = [{**tally, "place": f"place {number}"} for number in range(MOST_SOURCES)]
        await connection.execute(sa.insert(table), many)
    clock.go(1)
    await guesses.attempt("eve", "192.0.2.3", device="laptop")
    assert await kept() == 2, "those who came at one time go at one time"
    clock.go(KNOWN_FOR_S + 1)
    assert await kept() == 0


async def test_two_first_starts_at_once_make_one_admin(database: Database) -> None:
    accounts = Accounts(database, Passwords())

    made = await asyncio.gather(accounts.add_first("one password"), accounts.add_first("one password"))

    (admin,) = [each for each in made if each]
    assert (admin.name, admin.role) == ("admin", "admin")
    assert await accounts.authenticate("admin", "one password", address="::1") == admin


async def test_a_second_first_password_changes_nothing(database: Database) -> None:
    accounts = Accounts(database, Passwords())
    assert not await accounts.anybody()

    assert await accounts.add_first("sesame")
    assert await accounts.add_first("another") is None

    assert await accounts.anybody()
    with pytest.raises(NotAuthenticated):
        await accounts.authenticate("admin", "another", address="::1")


@pytest.mark.parametrize(("name", "password"), [("admin", "wrong"), ("nobody", "sesame")])
async def test_a_refusal_does_not_say_which_half_was_wrong(
    database: Database, name: str, password: str
) -> None:
    accounts = Accounts(database, Passwords())
    await accounts.add_first("sesame")

    with pytest.raises(NotAuthenticated, match=r"^Invalid username or password$"):
        await accounts.authenticate(name, password, address="::1")


async def test_a_new_admin_password_ends_the_sessions_of_the_old(database: Database) -> None:
    accounts = Accounts(database, Passwords())
    sessions = Sessions(database, lifetime_s=3600, idle_s=3600)
    await accounts.add_first("old")
    session_id = await sessions.begin((await accounts.authenticate("admin", "old", address="")).id, {})

    await accounts.set_admin_password("new")

    assert await sessions.find(session_id) is None
    assert await accounts.authenticate("admin", "new", address="")
    with pytest.raises(NotAuthenticated):
        await accounts.authenticate("admin", "old", address="")


async def test_an_admin_password_can_be_set_before_the_first_start(database: Database) -> None:
    accounts = Accounts(database, Passwords())

    await accounts.set_admin_password("mine")

    assert await accounts.add_first("another") is None
    assert await accounts.authenticate("admin", "mine", address="")


async def test_more_logins_than_we_can_check_are_turned_away_and_not_kept_waiting() -> None:
    passwords = Passwords(parallel=0, wait_s=0.01)

    with pytest.raises(Unavailable, match=r"^Too many people are logging in at once; try again shortly.$"):
        await passwords.hash("x")
