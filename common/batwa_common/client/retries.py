"""What is asked again, and how soon."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp

from batwa_common.errors import BatwaError, HubUnreachable, Unavailable

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

    Only where the hub was not reached or says it is not ready: its other 502 and 504 are answers,
    told after it tried. A request that never left is asked again whatever it was.
    """
    if not isinstance(err, HubUnreachable | Unavailable):
        return False
    return repeatable or isinstance(err.__cause__, aiohttp.ClientConnectorError)
