"""A backup: one archive with every table and, unless left out, the hub's keys. Blocks."""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, ValidationError

from batwa_common import __version__
from batwa_common.wire.base import utc_now

from .secrets import KeyFile, write_new
from .services.events import mark_restored
from .store import dump
from .store.database import Database
from .store.tables import sessions

KEYS = ("secret.key", "identity.key", "tls/authority.pem", "tls/ca.pem")
"""Files of the data directory without which the hub is not the one it was."""
MAX_LINE_BYTES = 64 << 20
"""A row is one line; the inventory of an agent with thousands of VMs is a few MiB."""


class BackupError(Exception):
    """It cannot be made or restored; the message says why and what to do."""


class Manifest(BaseModel):
    """What is in a backup."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = 1
    version: str
    schema_revision: str
    created_at: datetime
    tables: dict[str, dump.Columns]
    keys: tuple[str, ...]


class Content(NamedTuple):
    """How much there is in one."""

    manifest: Manifest
    rows: int


async def back_up(database: Database, data_dir: Path, file: Path, *, with_keys: bool) -> Content:
    """Write *file* whole or not at all, as the database is at one moment; the hub may run meanwhile."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with TemporaryDirectory(dir=file.parent, prefix=".batwa-backup-") as scratch:
            async with database.reading() as connection:
                manifest = Manifest(
                    version=__version__,
                    schema_revision=await dump.schema(connection),
                    created_at=utc_now(),
                    tables=dump.columns(),
                    keys=tuple(_keys(data_dir)) if with_keys else (),
                )
                rows = 0
                for name in manifest.tables:
                    with gzip.open(Path(scratch, name), "wt", encoding="utf-8") as lines:
                        async for part in dump.rows(connection, name):
                            lines.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in part)
                            rows += len(part)
            _pack(unfinished, manifest, data_dir, Path(scratch))
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return Content(manifest, rows)


async def restore(database: Database, data_dir: Path, file: Path, *, replace: bool) -> Content:
    """Make the hub what it was: all of the database, or none of it if this raises. Logins end.

    Raises `BackupError` for a file that is none, and if there is something already, unless to be replaced;
    `DatabaseUnusable` for one that a newer Batwa made.
    """
    try:
        with tarfile.open(file) as archive:
            manifest, rows = _manifest(archive), 0
            if not replace:
                _refuse_other_keys(archive, manifest, data_dir)
            async with database.writing() as connection:
                if not replace and not await dump.is_empty(connection):
                    raise BackupError("The database is not empty. To lose what is in it, add --replace.")
                await dump.begin(connection, manifest.schema_revision)
                for name, kinds in manifest.tables.items():
                    for part in _parts(archive, name):
                        await dump.add(connection, name, kinds, part)
                        rows += len(part)
                await dump.finish(connection)
                await connection.execute(sa.delete(sessions))
                await mark_restored(connection)
                await dump.count_on(connection)
                _put_keys(archive, manifest, data_dir)
    except (tarfile.TarError, EOFError, KeyError, ValueError, gzip.BadGzipFile) as err:
        raise BackupError(f"{file} is no backup of a hub, or is damaged: {err}") from err
    return Content(manifest, rows)


def _keys(data_dir: Path) -> Iterator[str]:
    for name in KEYS:
        if _source(data_dir, name).is_file():
            yield name


def _source(data_dir: Path, name: str) -> Path:
    return KeyFile.find(data_dir).path if name == "secret.key" else data_dir / name


def _pack(file: Path, manifest: Manifest, data_dir: Path, tables: Path) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w") as archive:
            _add(archive, "manifest.json", manifest.model_dump_json(indent=1).encode())
            for name in manifest.keys:
                _add(archive, f"keys/{name}", _source(data_dir, name).read_bytes())
            for name in manifest.tables:
                archive.add(tables / name, f"tables/{name}.jsonl.gz")
        out.flush()
        os.fsync(out.fileno())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    if (found := archive.extractfile(name)) is None:
        raise KeyError(name)
    return found.read()


def _manifest(archive: tarfile.TarFile) -> Manifest:
    try:
        return Manifest.model_validate_json(_read(archive, "manifest.json"))
    except ValidationError as err:
        raise ValueError(f"its manifest is not as it should be ({err.error_count()} problems)") from err


def _parts(archive: tarfile.TarFile, name: str) -> Iterator[list[dump.Row]]:
    if (packed := archive.extractfile(f"tables/{name}.jsonl.gz")) is None:
        raise KeyError(name)
    part: list[dump.Row] = []
    with gzip.open(packed, "rt", encoding="utf-8") as lines:
        while line := lines.readline(MAX_LINE_BYTES):
            part.append(json.loads(line))
            if len(part) == dump.ROWS:
                yield part
                part = []
    yield part


def _refuse_other_keys(archive: tarfile.TarFile, manifest: Manifest, data_dir: Path) -> None:
    for name in manifest.keys:
        if (there := _source(data_dir, name)).is_file() and there.read_bytes() != _read(
            archive, f"keys/{name}"
        ):
            raise BackupError(
                f"{there} is there already and is another one. To lose it, add --replace, or move it away."
            )


def _put_keys(archive: tarfile.TarFile, manifest: Manifest, data_dir: Path) -> None:
    for name in set(manifest.keys) & set(KEYS):  # whatever else an archive names is not written
        there, content = _source(data_dir, name), _read(archive, f"keys/{name}")
        if name == "secret.key" and KeyFile.find(data_dir).is_credential:
            if there.read_bytes() != content:
                raise BackupError(f"{there} is the service manager's and another one; give it the backup's.")
            continue
        there.unlink(missing_ok=True)
        write_new(there, content)
