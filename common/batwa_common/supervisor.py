"""Who owns a daemon's background tasks."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")


class Supervisor(asyncio.TaskGroup):
    """A task group that, when its block ends, cancels what still runs and waits for it.

    A task that dies ends the block with its exception: better a daemon that is restarted whole than
    one that limps on.
    """

    def __init__(self) -> None:
        super().__init__()
        self._running: set[asyncio.Task[Any]] = set()

    def create_task(
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        """Start *coro* as a task of this group."""
        task = super().create_task(coro, name=name, context=context)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel, wait, and raise what went wrong."""
        for task in list(self._running):
            task.cancel()
        await super().__aexit__(kind, error, traceback)
