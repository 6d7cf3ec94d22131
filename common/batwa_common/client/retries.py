"""What is asked again, and how soon."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from batwa_common.errors import BatwaError, HubUnreachable, TooManyRequests, Unavailable

_RANDOM = random.SystemRandom()


@dataclass(frozen=True)
class Backoff:
    """Pauses that double, each somewhere in its upper half so that many clients do not come at once."""

    tries: int = 4
    """How often to ask again after the first time; 0 never."""
    first_s: float = 0.25
    longest_s: float = 5.0

    def pauses(self) -> Iterator[float]:
        """Yield each pause in seconds."""
        for n in range(self.tries):
            yield self.pause(n)

    def pause(self, n: int) -> float:
        """Return the pause before try *n* (from 0), in seconds."""
        longest_s = min(self.longest_s, self.first_s * 2 ** min(n, 30))
        return _RANDOM.uniform(longest_s / 2, longest_s)


def may_ask_again(err: BatwaError, *, repeatable: bool) -> bool:
    """Whether asking again can help and cannot do a thing twice.

    Only where the hub was not reached, says it is not ready, or says when to come again: its other 502
    and 504 are answers, told after it tried. A request that never left is asked again whatever it was.
    """
    if isinstance(err, TooManyRequests):
        return repeatable and err.retry_after_s is not None
    if not isinstance(err, HubUnreachable | Unavailable):
        return False
    return repeatable or isinstance(err.__cause__, aiohttp.ClientConnectorError)


def read_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` asks for (RFC 9110, 10.2.3), a number or a date; else None."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((at.astimezone(UTC) - now).total_seconds(), 0.0)
