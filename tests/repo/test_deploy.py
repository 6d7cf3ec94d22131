"""What administrators are given beside the programs."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

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


def test_the_inventory_that_is_shown_can_be_read_and_sets_what_there_is() -> None:
    text = (ROOT / "deploy/ansible/README.md").read_text()
    inventory = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    known = yaml.safe_load((ROOT / "deploy/ansible/roles/batwa/defaults/main.yml").read_text())
    groups = inventory["all"]["children"].values()

    assert {name for group in groups for name in group["vars"]} <= known.keys()
    assert all(group["hosts"] for group in groups)


def test_the_pins_of_a_distribution_are_those_of_the_lock_and_nothing_for_tests() -> None:
    pins = pinned(closure("batwa-hub[postgresql]"))
    names = set(re.findall(r"^([a-z0-9-]+)==", pins, re.MULTILINE))
    assert {"aiohttp", "asyncpg", "greenlet", "sqlalchemy"} <= names
    assert names.isdisjoint({"pytest", "ruff", "rich", "pexpect"})
    assert pins.count("--hash=sha256:") > len(names)


PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "systemd").glob("*.md"),
    *(ROOT / "deploy").rglob("*.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_another_page_leads_there(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        there = (page.parent / target) if target else page
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, (
                anchor
            )


def promtool(*arguments: str | Path) -> None:
    found = shutil.which("promtool")
    assert found, "promtool not found: install the packages of .ci/packages"
    done = subprocess.run([found, *arguments], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_fire_at_what_they_are_for_and_at_nothing_else() -> None:
    promtool("test", "rules", ROOT / "deploy/prometheus/batwa.test.yml")


def test_the_alerts_and_what_the_dashboard_asks_is_the_language_of_prometheus(tmp_path: Path) -> None:
    board = json.loads((ROOT / "deploy/grafana/batwa.json").read_text())
    asked = [each["expr"] for panel in board["panels"] for each in panel["targets"]]
    rules = [
        {"record": f"panel:{number}", "expr": expr.replace("$__rate_interval", "5m")}
        for number, expr in enumerate(asked)
    ]
    as_rules = tmp_path / "dashboard.yml"
    as_rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML

    promtool("check", "rules", ROOT / "deploy/prometheus/batwa.rules.yml", as_rules)


def test_each_kind_of_installation_has_its_scripts_and_they_can_be_read_by_a_shell() -> None:
    scripts = [ROOT / "deploy/install.sh", *(ROOT / "deploy/debian").glob("*/p*")]
    assert len(scripts) == 7
    for script in scripts:
        done = subprocess.run(["sh", "-n", str(script)], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
