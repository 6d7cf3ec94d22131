"""What joining leaves behind on a machine: a file that is still its operator's, and a service."""

import os
import stat
import tomllib
from pathlib import Path

import pytest

from batwa_agent import config_file, service
from batwa_agent.join import Joining, new_key
from batwa_agent.settings import Settings
from batwa_common.settings import SettingsError
from batwa_common.tls import fingerprint
from batwa_common.wire.join import JoinTicket
from batwa_hub.tls.certificates import OwnAuthority

BEFORE = """\
# the rack in room 3
multipass = "/snap/bin/multipass"  # not on PATH
api_url = "http://old:8001"

[driver]
poll_s = 5.0
"""


def test_a_changed_file_keeps_what_its_operator_wrote(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(BEFORE)

    config_file.change(file, {"link": True, "hub_url": "http://hub:8000", "api_url": None})

    text = file.read_text()
    assert "# the rack in room 3" in text and "# not on PATH" in text
    assert tomllib.loads(text) == {
        "multipass": "/snap/bin/multipass",
        "driver": {"poll_s": 5.0},
        "link": True,
        "hub_url": "http://hub:8000",
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_the_environment_sets_is_kept_for_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(BEFORE)
    monkeypatch.setenv("BATWA_AGENT_CONFIG", str(file))
    with monkeypatch.context() as given:
        given.setenv("BATWA_AGENT_MULTIPASS", "multipass-sim")
        given.setenv("BATWA_AGENT_TAGS", '{"room": "3"}')
        given.setenv("BATWA_AGENT_METRICS__TOKEN", "s3cret s3cret s3cret")
        given.setenv("BATWA_AGENT_DRIVER__LIST_S", "7")
        before = Settings.load({})

        config_file.change(file, before.from_environment())

    assert before.differences(Settings.load({})) == set()
    assert before.multipass == "multipass-sim" and before.driver.poll_s == 5.0


def test_a_file_that_is_no_toml_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("half a [file")

    with pytest.raises(SettingsError, match=r"agent\.toml"):
        config_file.change(file, {"link": True})

    assert file.read_text() == "half a [file"


@pytest.mark.parametrize(
    ("hub_url", "told"), [("http://hub:8000", True), ("http://hub:8000/", True), ("http://other:8000", False)]
)
def test_a_key_is_shown_to_the_hub_that_gave_it_and_to_no_other(
    tmp_path: Path, hub_url: str, told: bool
) -> None:
    key = new_key()
    settings = Settings.load({"api_key": key, "hub_url": hub_url})
    ticket = JoinTicket(hubs=("http://hub:8000",), secret="s" * 43)

    assert Joining(settings, tmp_path)._former_key(ticket) == (key if told else None)


def test_a_hub_that_has_moved_is_known_by_its_ca(tmp_path: Path) -> None:
    bundle = OwnAuthority(tmp_path / "hub").authority().bundle()
    (tmp_path / "ca.pem").write_text(bundle)
    settings = Settings.load(
        {"api_key": "k", "hub_url": "https://old:8000", "ca": tmp_path / "ca.pem", "data_dir": tmp_path}
    )
    moved = JoinTicket(hubs=("https://new:8000",), fp=fingerprint(bundle), secret="s" * 43)
    other = JoinTicket(hubs=("https://new:8000",), fp="ab" * 32, secret="s" * 43)

    assert Joining(settings, tmp_path)._former_key(moved) == "k"
    assert Joining(settings, tmp_path)._former_key(other) is None


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose systemd writes down what it is asked; where the log is."""
    program, log = tmp_path / "bin" / "systemctl", tmp_path / "asked"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n[ "$1" != "$REFUSES" ] || {{ echo no >&2; exit 5; }}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return log


def test_the_service_is_enabled_where_systemd_runs(systemctl: Path, tmp_path: Path) -> None:
    said = service.enable(tmp_path / "a", tmp_path / "a", systemd=tmp_path)

    assert said.startswith("batwa-agent.service runs")
    assert systemctl.read_text().split("\n")[1:3] == [
        "enable batwa-agent.service",
        "restart batwa-agent.service",
    ]


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize(
    ("refuses", "says"), [("cat", "There is no batwa-agent.service"), ("restart", "journalctl -u")]
)
def test_where_the_service_cannot_run_it_is_said_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: str, says: str
) -> None:
    monkeypatch.setenv("REFUSES", refuses)

    assert says in service.enable(tmp_path / "a", tmp_path / "a", systemd=tmp_path)


def test_a_unit_does_not_read_a_file_of_ones_own(systemctl: Path, tmp_path: Path) -> None:
    said = service.enable(tmp_path / "mine.toml", tmp_path / "a", systemd=tmp_path)

    assert said == f"Run it with: BATWA_AGENT_CONFIG={tmp_path / 'mine.toml'} batwa-agent run"
    assert not systemctl.exists()
    assert "systemd does not run here" in service.enable(tmp_path, tmp_path, systemd=tmp_path / "no")
