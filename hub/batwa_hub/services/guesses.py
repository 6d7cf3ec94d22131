"""Slow down whoever guesses secrets, without locking out the owner."""

import ipaddress
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from batwa_common.errors import TooManyRequests
from batwa_common.wire.base import utc_now
from batwa_hub.store.database import Database
from batwa_hub.store.tables import guesses

FREE = 10
"""Attempts on one account from one place before waiting begins: who mistypes, a script that logs in often."""
FREE_OF_PLACE = 50
"""The same from one place on all accounts together: an office that comes in the morning."""
FREE_OF_ACCOUNT = 100
"""The same on one account from all places together that it was not logged in from before."""
FIRST_WAIT_S = 1.0
"""The first wait; each further wrong secret doubles it."""
LONGEST_WAIT_S = 60.0
"""The longest wait: one guess a minute is hopeless for a guesser and bearable for an owner."""
FORGET_S = 15 * 60.0
"""Silence after which the count begins anew."""
KNOWN_FOR_S = 90 * 86_400.0
"""Silence after which a place is no longer one from where an account was logged in before."""
MOST_SOURCES = 10_000
"""Sources of either kind that `sweep` leaves; the ones silent for longest are forgotten first."""
SWEEP_S = 60.0
"""How often what is to be forgotten is removed."""

Source = tuple[str, str]
"""An account and a place; either is empty for all of them."""


class _Tally(NamedTuple):
    attempts: int
    last_at: datetime
    known: bool = False
    """Whether the account was logged in from that place."""


class Guesses:
    """Counts attempts by account, by network address, and by both, in the store: for all processes together.

    Who comes from where the account was logged in before does not wait for what others guess elsewhere,
    and who comes with a device that was logged in before waits for nothing but its own mistakes.

    Args:
        database: Where they are counted.
        now: Wall clock; tests pass their own.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def attempt(
        self, account: str, address: str, *, of: str = "passwords", device: str | None = None
    ) -> None:
        """Count an attempt at what is *of* one kind before it is checked, so that many at once gain nothing.

        Raises `TooManyRequests` with the seconds to wait; that attempt is neither checked nor counted.
        """
        free, now = _free(account, address, device), self._now()
        async with self._database.writing() as connection:
            tallies = await self._tallies(connection, of, free, now)
            if device is None and tallies[account, _network(address)].known:
                del tallies[account, ""]
            left_s = max(_left_s(tally, free[source], now) for source, tally in tallies.items())
            if left_s > 0:
                wait_s = math.ceil(left_s)
                raise TooManyRequests(f"Too many wrong {of}; try again in {wait_s} s.", retry_after_s=wait_s)
            counted = {
                source: tally._replace(attempts=tally.attempts + 1, last_at=now)
                for source, tally in tallies.items()
            }
            await _put(connection, of, counted)

    async def succeeded(
        self, account: str, address: str, *, of: str = "passwords", device: str | None = None
    ) -> None:
        """Forget what the owner mistyped, and remember that they come from there."""
        free, now = _free(account, address, device), self._now()
        own, place = next(iter(free)), (account, _network(address))
        async with self._database.writing() as connection:
            tallies = await self._tallies(connection, of, [*free, place], now)
            forgiven = {
                source: tally._replace(attempts=0 if source == own else max(0, tally.attempts - 1))
                for source, tally in tallies.items()
            }
            forgiven[place] = forgiven[place]._replace(known=True, last_at=now)
            await _put(connection, of, forgiven)

    async def sweep(self) -> None:
        """Forget who has been silent for long enough, and who are too many."""
        async with self._database.writing() as connection:
            for known, keep_s in ((False, FORGET_S), (True, KNOWN_FOR_S)):
                last_at, these = guesses.c.last_at, guesses.c.known.is_(known)
                silent = last_at < self._now() - timedelta(seconds=keep_s)
                await connection.execute(sa.delete(guesses).where(these, silent))
                newest_first = sa.select(last_at).where(these).order_by(last_at.desc())
                too_many = last_at <= newest_first.offset(MOST_SOURCES).limit(1).scalar_subquery()
                await connection.execute(sa.delete(guesses).where(these, too_many))

    async def _tallies(
        self, connection: AsyncConnection, of: str, sources: Iterable[Source], now: datetime
    ) -> dict[Source, _Tally]:
        """Return what is counted for each of *sources*, of which one silent for long begins anew."""
        rows = (await connection.execute(sa.select(guesses).where(_are(of, sources)))).all()
        found = {(row.account, row.place): _Tally(row.attempts, row.last_at, row.known) for row in rows}
        tallies = {source: found.get(source, _Tally(0, now)) for source in sources}
        return {
            source: tally if (now - tally.last_at).total_seconds() <= FORGET_S else tally._replace(attempts=0)
            for source, tally in tallies.items()
        }


def _free(account: str, address: str, device: str | None) -> dict[Source, int]:
    """Return what an attempt counts for, and how often each is free; the closest first."""
    if device is not None:
        return {(account, f"device {device}"): FREE}
    place = _network(address)
    return {(account, place): FREE, ("", place): FREE_OF_PLACE, (account, ""): FREE_OF_ACCOUNT}


def _left_s(tally: _Tally, free: int, now: datetime) -> float:
    """Return how long to wait; never longer than from now on, should the clock have been set back."""
    wait_s = _wait_s(tally.attempts - free)
    return min(wait_s, wait_s - (now - tally.last_at).total_seconds())


def _are(of: str, sources: Iterable[Source]) -> sa.ColumnElement[bool]:
    key = sa.tuple_(guesses.c.account, guesses.c.place)
    return (guesses.c.of == of) & key.in_(list(sources))


async def _put(connection: AsyncConnection, of: str, tallies: Mapping[Source, _Tally]) -> None:
    rows = [
        {"of": of, "account": account, "place": place, **tally._asdict()}
        for (account, place), tally in tallies.items()
        if tally.attempts or tally.known
    ]
    await connection.execute(sa.delete(guesses).where(_are(of, tallies)))
    await connection.execute(sa.insert(guesses), rows)


def _wait_s(beyond: int) -> float:
    """Return how long to wait after so many attempts beyond the free ones."""
    if beyond < 0:
        return 0.0
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(beyond, 16)))


def _network(address: str) -> str:
    """Return what one customer of a provider has: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return address
