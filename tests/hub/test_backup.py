"""A backup restored into a database of the other kind, and the doctor: commands."""

import tarfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from batwa_common.wire.audit import AuditEntry
from batwa_common.wire.event import EventKind
from batwa_hub.__main__ import main
from batwa_hub.backup import BackupError, back_up, restore
from batwa_hub.doctor import Doctor
from batwa_hub.secrets import KeyFile
from batwa_hub.services.accounts import Accounts
from batwa_hub.services.audit.audit import Audit
from batwa_hub.services.events import Events
from batwa_hub.services.keys import AgentKeys
from batwa_hub.services.passwords import Passwords
from batwa_hub.services.sessions import Sessions
from batwa_hub.settings import Settings
from batwa_hub.store.database import Database
from batwa_hub.store.migrate import DatabaseUnusable
from batwa_hub.store.tables import metadata
from tests.postgres import Server as Postgres

VM: EventKind = "vm"


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> None:
    """Replaces the fixture of that name: these commands have a process, and its loop, for themselves."""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    KeyFile.find(tmp_path / "data").open_cipher()
    return tmp_path / "data"


async def lived_in(database: Database, data_dir: Path) -> None:
    """Have somebody, a login, a key, an event and a record in the store."""
    cipher = KeyFile.find(data_dir).open_cipher()
    me = await Accounts(database, Passwords()).add_first("a password")
    assert me is not None
    await Sessions(database, lifetime_s=3600, idle_s=3600).begin(me.id, {"n": [1, None]})
    await AgentKeys(database, cipher).issue("clé", "oslo")
    await Audit(database, keep=10, keep_days=1).record(AuditEntry(how="hub", action="x", outcome="done"))
    events = Events(database, keep=100)
    await events._start()
    await events._write([events._row(VM, "changed", "oslo/a", {"memory": 1 << 40})])


async def content(database: Database) -> dict[str, list[tuple[object, ...]]]:
    async with database.reading() as connection:
        return {
            table.name: [tuple(row) for row in await connection.execute(sa.select(table))]
            for table in metadata.sorted_tables
        }


async def test_a_backup_restores_into_a_database_of_the_other_kind(
    database: Database, data_dir: Path, tmp_path: Path, postgres: Postgres
) -> None:
    await lived_in(database, data_dir)
    file = tmp_path / "b.tar"
    made = await back_up(database, data_dir, file, with_keys=True)
    assert file.stat().st_mode & 0o777 == 0o600 and made.rows == 5
    other = f"sqlite+aiosqlite:///{tmp_path}/other.db" if database.is_shared else postgres.new_database()

    async with await Database.open(other) as there:
        await restore(there, tmp_path / "there", file, replace=False)

        was, now = await content(database), await content(there)
        assert was.pop("sessions") and not now.pop("sessions")
        assert now.pop("events")[:1] == was.pop("events")
        assert now == was
        cipher = KeyFile.find(tmp_path / "there").open_cipher()
        assert (await AgentKeys(there, cipher).secret_of(str(now["agent_keys"][0][0]))).startswith("bak_")
        assert (await Audit(there, keep=10, keep_days=1).verify()).count == 1
        await seen_by_a_watcher_of_before(there)


async def seen_by_a_watcher_of_before(database: Database) -> None:
    """Whoever has seen an event that the backup does not have is told to reload, and ids go on."""
    events = Events(database, keep=100)
    await events._start()
    await events._write([events._row(VM, "changed", "oslo/b", None)])
    assert (await events.after(7)).missed


async def test_what_is_there_is_lost_only_if_that_is_asked_for(
    database: Database, data_dir: Path, tmp_path: Path
) -> None:
    await lived_in(database, data_dir)
    await back_up(database, data_dir, tmp_path / "b.tar", with_keys=True)
    before = await content(database)

    with pytest.raises(BackupError, match=r"not empty.*--replace"):
        await restore(database, data_dir, tmp_path / "b.tar", replace=False)
    KeyFile.find(tmp_path / "else").open_cipher()
    with pytest.raises(BackupError, match=r"another one.*--replace"):
        await restore(database, tmp_path / "else", tmp_path / "b.tar", replace=False)
    assert await content(database) == before

    await restore(database, tmp_path / "else", tmp_path / "b.tar", replace=True)
    assert (await content(database))["users"] == before["users"]
    key = KeyFile.find(data_dir).path
    assert (tmp_path / "else" / key.name).read_bytes() == key.read_bytes()


async def test_a_broken_or_newer_backup_changes_nothing(
    database: Database, data_dir: Path, tmp_path: Path
) -> None:
    await lived_in(database, data_dir)
    file = tmp_path / "b.tar"
    await back_up(database, data_dir, file, with_keys=False)
    with tarfile.open(file) as archive:
        assert not [name for name in archive.getnames() if "key" in name and not name.startswith("tables/")]
    whole, before = file.read_bytes(), await content(database)

    for broken in (b"", b"nonsense", whole[: len(whole) // 2]):
        file.write_bytes(broken)
        with pytest.raises(BackupError, match="no backup of a hub, or is damaged"):
            await restore(database, data_dir, file, replace=True)
    file.write_bytes(whole.replace(b'"schema_revision": "00', b'"schema_revision": "99'))
    with pytest.raises(DatabaseUnusable, match=r"a newer one made it. Restore it with that version"):
        await restore(database, data_dir, file, replace=True)

    assert await content(database) == before


async def test_the_doctor_finds_what_is_wrong(url: str, tmp_path: Path) -> None:
    settings = Settings.load({"data_dir": tmp_path / "data", "database_url": url})
    (tmp_path / "data").mkdir(mode=0o700, exist_ok=True)
    (tmp_path / "data").chmod(0o755)
    found = {each.check: each for each in await Doctor(settings).examine()}
    assert {name for name, each in found.items() if each.state == "problem"} == {"directory", "key"}
    assert all(each.mend for each in found.values() if each.state == "problem")

    (tmp_path / "data").chmod(0o700)
    KeyFile.find(tmp_path / "data").open_cipher()
    async with await Database.open(url) as database:
        await Audit(database, keep=10, keep_days=1).record(AuditEntry(how="hub", action="x", outcome="done"))
        async with database.writing() as connection:
            await connection.execute(sa.update(metadata.tables["audit_log"]).values(action="y"))
    wrong = [each.check for each in await Doctor(settings).examine() if each.state == "problem"]
    assert wrong == ["audit"]


async def test_without_a_database_the_doctor_says_so_and_goes_on(tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody:x@/none?host={tmp_path}"
    settings = Settings.load({"data_dir": tmp_path, "database_url": nowhere})
    found = {each.check: each.state for each in await Doctor(settings).examine()}
    assert (found["database"], found["agents"], found["audit"]) == ("problem", "skipped", "skipped")


def test_by_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BATWA_HUB_DATA_DIR", str(tmp_path / "one"))
    assert main(["check"]) == main(["backup", str(tmp_path / "b.tar")]) == 0
    assert main(["restore", str(tmp_path / "b.tar")]) == 1
    monkeypatch.setenv("BATWA_HUB_DATA_DIR", str(tmp_path / "two"))
    assert main(["restore", str(tmp_path / "b.tar")]) == 0

    said = capsys.readouterr()
    assert "secret.key; " in said.out and "Everybody has to log in again." in said.out
    assert "To lose what is in it, add --replace" in said.err
