"""All tables as lines of JSON, of either database, and back into either."""

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from .migrate import DatabaseUnusable, load_migrations, schema_of, upgrade
from .tables import UtcDateTime, metadata

ROWS = 500
"""Read, or written, at a time."""

Kind = Literal["plain", "json", "time", "bytes"]
Columns = Mapping[str, Kind]
"""How each column's values are written."""
Row = Mapping[str, Any]

_TYPES: Mapping[Kind, sa.types.TypeEngine[Any]] = {
    "plain": sa.types.NULLTYPE,
    "json": sa.JSON(none_as_null=True),
    "time": UtcDateTime(),
    "bytes": sa.LargeBinary(),
}


def columns() -> dict[str, Columns]:
    """Return every table, those that others refer to first, and its columns."""
    return {
        table.name: {column.name: _kind(column.type) for column in table.columns}
        for table in metadata.sorted_tables
    }


async def schema(connection: AsyncConnection) -> str:
    """Return the revision of the schema."""
    return await connection.run_sync(schema_of)


async def rows(connection: AsyncConnection, name: str) -> AsyncIterator[list[Row]]:
    """Yield the rows of a table in order of its key, `ROWS` at a time, as JSON can hold them."""
    table = metadata.tables[name]
    kinds = columns()[name]
    result = await connection.stream(sa.select(table).order_by(*table.primary_key.columns))
    async for part in result.mappings().partitions(ROWS):
        yield [{key: _told(kinds[key], value) for key, value in row.items()} for row in part]


async def is_empty(connection: AsyncConnection) -> bool:
    """Whether no table has a row."""
    for table in metadata.sorted_tables:
        if (await connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1))).first():
            return False
    return True


async def begin(connection: AsyncConnection, revision: str) -> None:
    """Replace everything by empty tables as *revision* had them. Raises `DatabaseUnusable` if it is unknown.

    Nothing is lost before *connection*'s transaction ends.
    """
    scripts = load_migrations()
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseUnusable(
            f"The backup has schema {revision}, which this version of Batwa does not know: a newer one made "
            "it. Restore it with that version."
        )
    await connection.run_sync(metadata.drop_all)
    await connection.execute(sa.text("DROP TABLE alembic_version"))
    await connection.run_sync(upgrade, scripts, revision)


async def add(connection: AsyncConnection, name: str, kinds: Columns, part: Iterable[Row]) -> None:
    """Write rows as `rows` has told them."""
    table = sa.table(name, *(sa.column(key, _TYPES[kind]) for key, kind in kinds.items()))
    values = [{key: _meant(kinds[key], value) for key, value in row.items()} for row in part]
    if values:
        await connection.execute(sa.insert(table), values)


async def finish(connection: AsyncConnection) -> None:
    """Bring the tables up to date."""
    await connection.run_sync(upgrade, load_migrations())


async def count_on(connection: AsyncConnection) -> None:
    """Let what counts by itself go on after what is there."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if (counter := table.autoincrement_column) is not None:
            last = sa.select(sa.func.coalesce(sa.func.max(counter), 0) + 1).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table.name, counter.name)
            await connection.execute(sa.select(sa.func.setval(sequence, last, sa.false())))


def _kind(type_: sa.types.TypeEngine[Any]) -> Kind:
    match type_:
        case UtcDateTime():
            return "time"
        case sa.LargeBinary():
            return "bytes"
        case sa.JSON():
            return "json"
        case _:
            return "plain"


def _told(kind: Kind, value: Any) -> Any:
    if value is None or kind in {"plain", "json"}:
        return value
    return value.isoformat() if kind == "time" else base64.b64encode(value).decode()


def _meant(kind: Kind, value: Any) -> Any:
    if value is None or kind in {"plain", "json"}:
        return value
    return datetime.fromisoformat(value) if kind == "time" else base64.b64decode(value)
