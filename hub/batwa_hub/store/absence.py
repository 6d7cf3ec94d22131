"""What the log says of a database that does not answer: that it is away, for how long, that it is back."""

import time
from collections.abc import Callable

import structlog

log = structlog.stdlib.get_logger(__name__)

SAY_EVERY_S = 60.0
"""How often it is said that a database is away, however many ask it."""


class Absence:
    """Whether a database is away, as those find who ask it.

    Args:
        now: Monotonic clock in seconds; tests pass their own.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began_s: float | None = None
        self._said_s: float | None = None

    def failed(self, err: BaseException) -> None:
        """Somebody got no answer."""
        now_s = self._now()
        if self._began_s is None:
            self._began_s = now_s
        if self._said_s is None or now_s - self._said_s >= SAY_EVERY_S:
            self._said_s = now_s
            log.warning("database.failing", for_s=round(now_s - self._began_s), error=str(err))

    def answered(self) -> None:
        """Somebody got one."""
        if self._began_s is None:
            return
        away_s, said = self._now() - self._began_s, self._said_s or 0.0
        if said >= self._began_s:  # else nobody was told that it is away
            log.info("database.answers", away_s=round(away_s, 1))
        self._began_s = None
