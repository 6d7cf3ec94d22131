"""How passwords are kept and checked, and what guessing gets."""

import asyncio
import time

import pytest

from batwa_common.errors import NotAuthenticated, TooManyRequests, Unavailable
from batwa_hub.services.accounts import Accounts
from batwa_hub.services.guesses import (
    FREE,
    FREE_OF_ACCOUNT,
    FREE_OF_PLACE,
    LONGEST_WAIT_S,
    MOST_SOURCES,
    Guesses,
)
from batwa_hub.services.passwords import PARALLEL, Passwords
from batwa_hub.services.sessions import Sessions
from batwa_hub.store.database import Database


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


async def test_a_hash_tells_how_it_was_made_and_only_the_password_fits() -> None:
    passwords = Passwords()

    hashed = await passwords.hash("sesame")

    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify("sesame", hashed)
    assert not await passwords.verify("Sesame", hashed)
    assert await passwords.hash("sesame") != hashed


async def test_nobodys_password_is_never_right_not_even_the_one_behind_the_pretence() -> None:
    assert not await Passwords().verify("nobody has this password", None)


async def test_an_unknown_user_costs_as_much_time_as_a_wrong_password() -> None:
    passwords = Passwords()
    hashed = await passwords.hash("sesame")
    await passwords.verify("warm", None)

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


def test_a_person_may_mistype_and_then_waits_ever_longer() -> None:
    clock = Clock()
    guesses = Guesses(now=clock)
    for _ in range(FREE):
        guesses.attempt("ada", "192.0.2.1")

    waits = []
    for _ in range(10):
        with pytest.raises(TooManyRequests, match=r"^Too many wrong passwords; try again in \d+ s\.$") as no:
            guesses.attempt("ada", "192.0.2.1")
        waits.append(int(str(no.value).split()[-2]))
        clock.s += waits[-1]
        guesses.attempt("ada", "192.0.2.1")

    assert waits == sorted(waits)
    assert waits[0] <= 2 and waits[-1] == LONGEST_WAIT_S


def test_guessing_from_elsewhere_does_not_lock_the_owner_out() -> None:
    guesses = Guesses(now=Clock())
    for _ in range(FREE):
        guesses.attempt("ada", "192.0.2.1")

    guesses.attempt("ada", "192.0.2.2")
    guesses.attempt("bob", "192.0.2.1")


def test_one_customer_of_a_provider_is_one_source() -> None:
    guesses = Guesses(now=Clock())
    for host in range(FREE):
        guesses.attempt("ada", f"2001:db8:0:1::{host:x}")

    with pytest.raises(TooManyRequests):
        guesses.attempt("ada", "2001:db8:0:1:ffff::1")
    guesses.attempt("ada", "2001:db8:0:2::1")


def test_success_and_time_forgive() -> None:
    clock = Clock()
    guesses = Guesses(now=clock)
    for _ in range(FREE):
        guesses.attempt("ada", "a")
        guesses.attempt("bob", "a")

    guesses.succeeded("ada", "a")
    guesses.attempt("ada", "a")
    clock.s += 3600
    for _ in range(FREE):
        guesses.attempt("bob", "a")


def test_spraying_one_password_over_many_accounts_is_slowed() -> None:
    guesses = Guesses(now=Clock())
    for number in range(FREE_OF_PLACE):
        guesses.attempt(f"user {number}", "192.0.2.1")

    with pytest.raises(TooManyRequests) as no:
        guesses.attempt("another", "192.0.2.1")
    assert no.value.retry_after_s == 1.0
    guesses.attempt("another", "192.0.2.2")


def test_many_places_guessing_one_account_are_slowed_and_its_owner_is_not() -> None:
    clock = Clock()
    guesses = Guesses(now=clock)
    guesses.attempt("ada", "198.51.100.1")
    guesses.succeeded("ada", "198.51.100.1")
    for number in range(FREE_OF_ACCOUNT):
        guesses.attempt("ada", f"192.0.2.{number}")

    with pytest.raises(TooManyRequests):
        guesses.attempt("ada", "203.0.113.9")
    guesses.attempt("ada", "198.51.100.1")
    guesses.attempt("ada", "203.0.113.9", device="laptop")
    guesses.attempt("bob", "203.0.113.9")


def test_a_known_device_waits_for_its_own_mistakes() -> None:
    guesses = Guesses(now=Clock())
    for _ in range(FREE):
        guesses.attempt("ada", "192.0.2.1", device="laptop")

    with pytest.raises(TooManyRequests):
        guesses.attempt("ada", "192.0.2.1", device="laptop")


def test_the_memory_of_sources_is_bounded() -> None:
    guesses = Guesses(now=Clock())
    for number in range(MOST_SOURCES + 50):
        guesses.attempt(f"user {number}", f"source {number}")

    assert len(guesses._tallies) == MOST_SOURCES


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
