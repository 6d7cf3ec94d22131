"""What the database holds encrypted, encrypted anew with the first key."""

from typing import NamedTuple

import sqlalchemy as sa
from cryptography.fernet import InvalidToken, MultiFernet

from batwa_hub.store.database import Database
from batwa_hub.store.tables import metadata

SUFFIX = "_encrypted"
"""What the name of every column ends with that holds a secret; nothing else is encrypted."""


class Reencrypted(NamedTuple):
    """How many secrets were, and how many could not be: no key that is left opens them."""

    done: int
    lost: int


async def reencrypt(database: Database, cipher: MultiFernet) -> Reencrypted:
    """Encrypt every secret with the first key of *cipher*: all of them, or none if this raises."""
    done = lost = 0
    async with database.writing() as connection:
        for column in _columns():
            keys = list(column.table.primary_key.columns)
            rows = (await connection.execute(sa.select(column, *keys).where(column.is_not(None)))).all()
            for secret, *key in rows:
                try:
                    renewed = cipher.rotate(secret).decode()
                except InvalidToken:
                    lost += 1
                    continue
                mine = sa.and_(*(part == value for part, value in zip(keys, key, strict=True)))
                await connection.execute(sa.update(column.table).where(mine).values({column.name: renewed}))
                done += 1
    return Reencrypted(done, lost)


def _columns() -> list[sa.Column[str]]:
    return [column for table in metadata.sorted_tables for column in table.c if column.name.endswith(SUFFIX)]
