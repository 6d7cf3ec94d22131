"""One operation in memory, and the only way it changes: lasting changes are on disk before they are seen."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from batwa_agent.driver import Progress
from batwa_agent.news import News
from batwa_common.web.vms import AnyCommand
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import CreateVm

from .log import revised
from .store import OperationStore, Record

Mark = Literal["cancel_requested", "launched"]
"""Fields of `Record` that become true and stay so."""


class Job:
    """A record, who waits for news of it, and the call that does it."""

    def __init__(self, record: Record, store: OperationStore) -> None:
        self.record = record
        self.news = News()
        self.saving = asyncio.Lock()
        self.call: asyncio.Task[None] | None = None
        self.can_be_undone = isinstance(record.command, CreateVm)
        self.is_told = False
        """Whether the hub knows what it has made of the VM, so that who sees its end may ask the hub."""
        self._store = store

    @property
    def operation(self) -> Operation:
        """As the hub sees it."""
        return self.record.operation

    @property
    def command(self) -> AnyCommand:
        """As it was given."""
        return self.record.command

    async def save(self, *marks: Mark, **changes: Any) -> None:
        """Make a lasting change. Hold `saving` while you call it."""
        await self._store.save(self._changed(marks, changes))
        # progress may have come meanwhile: the change goes on top of it
        self.record = self._changed(marks, changes)
        self.news.tell()

    def report(self, progress: Progress) -> None:
        """Show how far it is. Not on disk: a restart finds out by looking."""
        before = self.operation
        if self.record.cancel_requested or (before.phase, before.percent) == progress:
            return
        line = progress.phase if progress.phase != before.phase else None
        self.record = self._changed((), {"line": line, **progress._asdict()})
        self.news.tell()

    def _changed(self, marks: Iterable[Mark], changes: Mapping[str, Any]) -> Record:
        operation = revised(self.operation, **changes)
        return self.record.model_copy(update={**dict.fromkeys(marks, True), "operation": operation})
