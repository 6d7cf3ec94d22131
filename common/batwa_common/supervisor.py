"""Who owns a daemon's background tasks."""

import asyncio
from collections.abc import Coroutine
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

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Start *work* as a task of this group."""
        task = self.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def spawn(self, work: Coroutine[Any, Any, T], *, name: str) -> None:
        """Start *work* as a task that nobody but this group waits for."""
        task = self.start(work, name=name)
        del task  # the group holds it

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
