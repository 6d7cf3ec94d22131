"""A new key for the secrets in the database: none is lost, and the old key opens nothing any more."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from batwa_hub.rotation import rotate
from batwa_hub.secrets import KeyFile
from batwa_hub.services.keys import AgentKeys
from batwa_hub.services.reencryption import SUFFIX
from batwa_hub.store.database import Database
from batwa_hub.store.tables import agent_keys, metadata


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "secret.key")


async def opened(file: KeyFile) -> MultiFernet:
    return await asyncio.to_thread(file.open_cipher)


async def test_every_secret_gets_the_new_key_and_the_old_one_opens_none(
    database: Database, file: KeyFile
) -> None:
    old = await opened(file)
    issued = [await AgentKeys(database, old).issue(name) for name in ("a", "b")]

    assert await rotate(file, database) == (2, 0)

    new = await opened(file)
    for key in issued:
        assert await AgentKeys(database, new).secret_of(key.id) == key.api_key
    async with database.reading() as connection:
        stored = (await connection.scalars(sa.select(agent_keys.c.key_encrypted))).all()
    for each in stored:
        with pytest.raises(InvalidToken):
            old.decrypt(each)
    assert file.path.stat().st_mode & 0o777 == 0o600


async def test_a_secret_that_no_key_opens_keeps_the_old_keys(database: Database, file: KeyFile) -> None:
    elsewhere = await opened(KeyFile(file.path.with_name("another.key")))
    kept = await AgentKeys(database, await opened(file)).issue("kept")
    await AgentKeys(database, elsewhere).issue("lost")

    assert await rotate(file, database) == (1, 1)

    assert len(await asyncio.to_thread(file.read)) == 2
    assert await AgentKeys(database, await opened(file)).secret_of(kept.id) == kept.api_key


async def test_a_credential_is_never_written_and_its_first_key_is_the_new_one(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    credential = tmp_path / "secret.key"
    old, new = Fernet.generate_key(), Fernet.generate_key()
    credential.write_bytes(old)
    credential.chmod(0o440)  # as systemd leaves it, with an access list
    file = await asyncio.to_thread(KeyFile.find, tmp_path / "data")
    key = await AgentKeys(database, await opened(file)).issue("a")
    credential.chmod(0o640)
    credential.write_bytes(new + b"\n" + old)

    assert await rotate(file, database) == (1, 0)

    assert credential.read_bytes() == new + b"\n" + old
    credential.write_bytes(new)
    assert await AgentKeys(database, await opened(file)).secret_of(key.id) == key.api_key


def test_what_is_encrypted_is_found_by_its_name() -> None:
    found = {f"{c.table.name}.{c.name}" for t in metadata.sorted_tables for c in t.c if SUFFIX in c.name}

    assert "agent_keys.key_encrypted" in found
