"""What administrators are given beside the programs."""

import re
from pathlib import Path

import pytest

from batwa_agent.settings import Settings as AgentSettings
from batwa_common.settings import DaemonSettings
from batwa_hub.settings import Settings as HubSettings
from deploy.pins import closure, pinned

ROOT = Path(__file__).parents[2]
DAEMONS = {"hub": HubSettings, "agent": AgentSettings}


@pytest.mark.parametrize("daemon", DAEMONS)
def test_the_example_of_settings_is_what_the_program_prints(daemon: str) -> None:
    file = ROOT / "deploy" / "config" / f"{daemon}.toml"
    again = f"batwa-{daemon} config --example > {file.relative_to(ROOT)}"
    assert file.read_text() == DAEMONS[daemon].example(), again


@pytest.mark.parametrize("daemon", DAEMONS)
def test_the_example_leaves_everything_at_its_default(daemon: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: type[DaemonSettings] = DAEMONS[daemon]
    monkeypatch.setenv(f"{settings.prefix()}CONFIG", str(ROOT / "deploy" / "config" / f"{daemon}.toml"))
    given = settings.load({})
    monkeypatch.delenv(f"{settings.prefix()}CONFIG")
    assert given.differences(settings.load({})) == set()


def test_the_pins_of_a_distribution_are_those_of_the_lock_and_nothing_for_tests() -> None:
    pins = pinned(closure("batwa-hub[postgresql]"))
    names = set(re.findall(r"^([a-z0-9-]+)==", pins, re.MULTILINE))
    assert {"aiohttp", "asyncpg", "greenlet", "sqlalchemy"} <= names
    assert names.isdisjoint({"pytest", "ruff", "rich", "pexpect"})
    assert pins.count("--hash=sha256:") > len(names)
