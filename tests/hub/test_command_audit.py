"""`batwa-hub audit`, as a process beside the database of a hub that is not there."""

import re
import sqlite3
from pathlib import Path

import pytest

from .test_command import Command

pytestmark = pytest.mark.timeout(120)


def test_the_console_is_recorded_and_a_change_by_hand_is_found(tmp_path: Path) -> None:
    hub = Command(tmp_path / "data")
    assert hub("agent-key", "Oslo").status == 0
    assert hub("admin-password", stdin="sesame open\n").status == 0

    exported = hub("audit", "export").out
    assert re.findall(r'"action":"([^"]+)","target":"([^"]+)"', exported) == [
        ("batwa-hub agent-key", "Oslo"),
        ("batwa-hub admin-password", "admin"),
    ]
    assert "sesame" not in exported and "bak_" not in exported
    whole = hub("audit", "verify")
    head = re.fullmatch(r"The audit log is whole: 2 records, the last is (2:[0-9a-f]{64})\n", whole.out)
    assert whole.status == 0 and head is not None
    assert "--head is ID:HASH" in hub("audit", "verify", "--head", "2").err

    with sqlite3.connect(hub.data_dir / "hub.db") as database:
        database.execute("DELETE FROM audit_log WHERE id = 2")
    database.close()

    assert hub("audit", "verify").status == 0  # nobody can know, without the head
    cut = hub("audit", "verify", "--head", head[1])
    assert (cut.status, cut.out) == (
        1,
        "The audit log was tampered with: record 2 is missing, or is not the one it was.\n",
    )
