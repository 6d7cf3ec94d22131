"""Operations: long work, followed as it goes."""

import asyncio
import time
from collections.abc import AsyncIterator

from batwa_common.errors import HubUnreachable, Unavailable
from batwa_common.vms import POLL_S, raise_failure
from batwa_common.wire.operation import Operation

from .http import path_of
from .noun import Noun
from .retries import Backoff

WORK_S = 3600.0
"""How long an operation is followed unless the caller says otherwise."""
PATIENCE_S = 60.0
"""How long a hub may be away while an operation is followed; a restart takes seconds."""
SLACK_S = 15.0
"""How much longer than asked the hub may take over a long poll."""


ACCEPTED = 202
"""Status of an answer that is an operation, not yet ended."""


class OperationMethods(Noun):
    """What is, was and will be done to VMs."""

    async def list_operations(self, *, limit: int = 100) -> list[Operation]:
        """Return the newest operations first, without their logs; 1000 at most."""
        return await self._http.ask(list[Operation], "GET", "/api/operations", query={"limit": limit})

    async def get_operation(
        self, operation_id: str, *, after_revision: int | None = None, wait_s: float = 0
    ) -> Operation:
        """Return an operation, waiting up to *wait_s* (25 at most) for a revision beyond *after_revision*.

        Raises `OperationNotFound`.
        """
        query = None if after_revision is None else {"after_revision": after_revision, "wait_s": wait_s}
        path = path_of("api", "operations", operation_id)
        return await self._http.ask(Operation, "GET", path, query=query, timeout_s=wait_s + SLACK_S)

    async def cancel_operation(self, operation_id: str) -> Operation:
        """Ask an operation to stop; follow it to see it end. Raises `OperationNotFound`, `OperationEnded`."""
        return await self._http.ask(Operation, "DELETE", path_of("api", "operations", operation_id))

    async def follow_operation(
        self, operation: Operation | str, *, within_s: float = WORK_S, patience_s: float = PATIENCE_S
    ) -> AsyncIterator[Operation]:
        """Yield the operation now and at each change, the last time when it has ended (however it did).

        Goes on over restarts of the hub. Raises `TimeoutError` after *within_s*, and `HubUnreachable`
        when the hub has been away for *patience_s*; the operation itself goes on.
        """
        deadline = time.monotonic() + within_s
        now = await self.get_operation(operation) if isinstance(operation, str) else operation
        yield now
        while not now.has_ended:
            if (left_s := deadline - time.monotonic()) <= 0:
                raise TimeoutError(
                    f"operation {now.id} is still {now.state} after {within_s:g} s; it goes on"
                )
            news = await self._patiently(now, min(POLL_S, left_s), patience_s)
            if news.revision != now.revision or news.has_ended:
                yield news
            now = news

    async def wait_operation(self, operation: Operation | str, *, within_s: float = WORK_S) -> Operation:
        """Return the operation once it has succeeded; raise what made it fail, as the class of its code."""
        *_, last = [each async for each in self.follow_operation(operation, within_s=within_s)]
        raise_failure(last)
        return last

    async def _patiently(self, operation: Operation, wait_s: float, patience_s: float) -> Operation:
        backoff, give_up_at, n = Backoff(), time.monotonic() + patience_s, 0
        while True:
            try:
                return await self.get_operation(
                    operation.id, after_revision=operation.revision, wait_s=round(wait_s, 3)
                )
            except (HubUnreachable, Unavailable):
                if time.monotonic() > give_up_at:
                    raise
            await asyncio.sleep(backoff.pause(n))
            n += 1
