"""Operations on disk: one JSON file each, written before anybody is told. Files, so in threads."""

import asyncio
from pathlib import Path

import structlog
from pydantic import ValidationError

from batwa_agent.disk import sync_directory, write_durably
from batwa_common.wire.base import Wire
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import VmCommand

log = structlog.stdlib.get_logger(__name__)


class Record(Wire):
    """An operation with what is needed to do it or to find out what became of it."""

    operation: Operation
    """As the hub sees it."""
    command: VmCommand
    """As it was given."""
    cancel_requested: bool = False
    """Whether somebody was promised that it will be undone."""
    launched: bool = False
    """Whether Multipass may have begun to make the VM; it is never asked twice."""


class OperationStore:
    """A directory of records."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def load(self) -> list[Record]:
        """Return all records, oldest first. A damaged file is reported, set aside and left out."""
        return await asyncio.to_thread(self._load)

    async def save(self, record: Record) -> None:
        """Write *record*; it survives a power cut once this returns."""
        path = self._path(record.operation.id)
        await asyncio.to_thread(write_durably, path, record.model_dump_json().encode())

    async def remove(self, operation_ids: list[str]) -> None:
        """Forget operations."""
        await asyncio.to_thread(self._remove, operation_ids)

    def _path(self, operation_id: str) -> Path:
        return self._directory / f"{operation_id}.json"

    def _load(self) -> list[Record]:
        self._directory.mkdir(parents=True, exist_ok=True)
        records = [record for path in self._directory.glob("[!.]*.json") if (record := self._read(path))]
        return sorted(records, key=lambda record: record.operation.created_at)

    def _read(self, path: Path) -> Record | None:
        try:
            return Record.model_validate_json(path.read_bytes())
        except ValidationError as err:
            aside = path.replace(path.with_suffix(".damaged"))
            log.warning("operation.damaged", file=str(aside), reason=str(err))
            return None

    def _remove(self, operation_ids: list[str]) -> None:
        for operation_id in operation_ids:
            self._path(operation_id).unlink(missing_ok=True)
        sync_directory(self._directory)
