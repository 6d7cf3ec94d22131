"""What a process looks after again and again."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from batwa_common.errors import Unavailable


async def periodically(work: Callable[[], Awaitable[object]], *, every_s: float) -> None:
    """Do *work* every *every_s* seconds until cancelled, the first time after that long.

    While the database does not answer, which it logs itself, the next time will do.
    """
    while True:
        await asyncio.sleep(every_s)
        with suppress(Unavailable):
            await work()
