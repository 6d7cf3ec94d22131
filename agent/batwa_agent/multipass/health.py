"""Whether Multipass answers, learnt from the calls that are made anyway."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from batwa_common.errors import DriverTimeout, DriverUnavailable

HUNG_ADVICE = "restart the Multipass daemon (with the snap: sudo snap restart multipass)"

NO_DAEMON = (
    "the Multipass daemon does not answer; start it (with the snap: sudo snap start multipass), or let "
    "this user in (multipass authenticate)"
)


class OpenCall(NamedTuple):
    """A call that has begun and not ended."""

    what: str
    since: datetime


class Health:
    """What is wrong with Multipass, if anything, and since when.

    Args:
        now: Wall clock; tests pass their own.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._open: list[OpenCall] = []
        self.problem: str | None = None
        self.problem_since: datetime | None = None
        self._only_doubted = False

    @contextmanager
    def watch(self, what: str) -> Iterator[OpenCall]:
        """Remember *what* as open for as long as the context lasts."""
        call = OpenCall(what, self._now())
        self._open.append(call)
        try:
            yield call
        finally:
            self._open.remove(call)

    def answered(self) -> None:
        """Note that the daemon answered."""
        self.problem = self.problem_since = None

    def reassured(self) -> None:
        """Note that something answered: enough against a doubt, not against a call that got no answer."""
        if self._only_doubted:
            self.answered()

    def unavailable(self, call: OpenCall, err: DriverUnavailable) -> None:
        """Note that *call* could not reach the daemon."""
        self._note(str(err), call.since)

    def doubtful(self, problem: str, since: datetime) -> None:
        """Note *problem* unless a call told a more exact one."""
        if self.problem is None:
            self._note(problem, since)
            self._only_doubted = True

    def silent(self, call: OpenCall, err: DriverTimeout) -> None:
        """Note that *call* got no answer; the oldest open call is named as the one to suspect."""
        oldest = min(self._open, key=lambda one: one.since)
        suspect = f"; {oldest.what} has been open since {oldest.since:%H:%M:%S} UTC" if oldest != call else ""
        self._note(f"{err}{suspect}; {HUNG_ADVICE}", call.since)

    def _note(self, problem: str, since: datetime) -> None:
        self._only_doubted = False
        self.problem = problem
        self.problem_since = self.problem_since or since
