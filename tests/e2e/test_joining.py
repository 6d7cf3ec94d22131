"""One pasted line: from `batwa agent add` to a VM on the machine that joined, over HTTPS and the link."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from batwa_hub.tls.certificates import OwnAuthority

from .faulty_proxy import faulty_proxy
from .fleet import BIN, PASSWORD, Fleet, clean_environment
from .machine import Machine

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A hub with its own CA, and no agent yet."""
    with Fleet(tmp_path_factory.mktemp("joining"), tls=True) as fleet:
        yield fleet


class Admin:
    """`batwa`, logged in."""

    def __init__(self, fleet: Fleet, home: Path) -> None:
        ca = str(fleet.directory / "hub" / "tls" / "ca.pem")
        self.env = clean_environment() | {
            "XDG_CONFIG_HOME": str(home),
            "PATH": os.environ["PATH"],
            "BATWA_CA": ca,
        }
        self("login", fleet.url, "--user", "admin", "--password-stdin", stdin=PASSWORD)

    def __call__(self, *words: str, stdin: str = "") -> str:
        argv = [str(BIN / "batwa"), *words]
        done = subprocess.run(argv, env=self.env, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
        return done.stdout

    def agent(self, agent_id: str) -> dict[str, Any]:
        return dict(json.loads(self("agent", "info", agent_id, "--json")))

    def keys(self, agent_id: str) -> list[dict[str, Any]]:
        keys = json.loads(self("agent", "key", "ls", "--json"))
        return [key for key in keys if key["agent_id"] == agent_id]


@pytest.fixture(scope="module")
def admin(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Admin:
    return Admin(fleet, tmp_path_factory.mktemp("home"))


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_one_pasted_line_makes_a_machine_an_agent(fleet: Fleet, admin: Admin) -> None:
    machine = Machine(fleet, "office")
    program, *words = admin("agent", "add", "Office server", "--tag", "room=3").split()
    assert program == "batwa-agent"

    joined = machine(*words)

    assert joined.returncode == 0, joined
    assert "Joined as Office-server (Office server)" in joined.stdout and "problem" not in joined.stdout
    assert f"BATWA_AGENT_CONFIG={machine.file} batwa-agent run" in joined.stdout
    assert machine.file.stat().st_mode & 0o777 == 0o600
    assert machine.settings()["link"] is True and "api_url" not in machine.settings()
    assert machine.settings()["multipass"] == machine.env["BATWA_AGENT_MULTIPASS"]

    machine.daemon.start(wait=False)
    until(lambda: admin.agent("Office-server")["status"] == "online")
    agent = admin.agent("Office-server")
    assert (agent["hostname"], agent["tags"], agent["connection"]) == (
        "Office server",
        {"room": "3"},
        "linked",
    )
    admin("vm", "create", "joined", "--agent", "Office-server")
    assert admin("vm", "exec", "joined", "--", "echo", "through the link") == "through the link\n"
    assert set(machine.findings().values()) == {"ok"}

    again = machine(*words)
    assert again.returncode == 1 and "used up" in again.stderr

    before = machine.settings()["api_key"]
    rotated = machine("rotate-key")
    assert rotated.returncode == 0 and machine.settings()["api_key"] != before, rotated
    assert len(admin.keys("Office-server")) == 2
    machine.daemon.stop()
    machine.daemon.start(wait=False)
    until(lambda: len(admin.keys("Office-server")) == 1)

    rejoined = machine(*admin("agent", "add").split()[1:])
    assert "Joined as Office-server" in rejoined.stdout, rejoined
    assert machine("doctor").returncode == 0


def test_the_doctor_names_what_is_wrong_and_how_to_mend_it(
    fleet: Fleet, admin: Admin, tmp_path: Path
) -> None:
    machine = Machine(fleet, "sick")
    assert machine(*admin("agent", "add").split()[1:]).returncode == 0

    def finding(**env: str) -> tuple[str, str]:
        argv = [str(BIN / "batwa-agent"), "doctor", "--json"]
        done = subprocess.run(argv, env=machine.env | env, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done
        (found,) = [each for each in json.loads(done.stdout) if each["state"] == "problem"]
        assert found["mend"]
        return found["check"], found["says"]

    assert finding(BATWA_AGENT_MULTIPASS="/no/such/multipass")[0] == "multipass"
    assert finding(BATWA_AGENT_HUB_URL="https://nowhere.invalid")[0] == "name"
    assert finding(BATWA_AGENT_HUB_URL="https://127.0.0.1:1")[0] == "tcp"
    assert finding(BATWA_AGENT_API_KEY="bak_" + "x" * 43)[0] == "key"
    assert finding(BATWA_AGENT_HUB_URL=fleet.url.replace("https", "http"))[0] == "hub"
    other = OwnAuthority(tmp_path / "other").authority().bundle()
    (tmp_path / "other.pem").write_text(other)
    assert finding(BATWA_AGENT_CA=str(tmp_path / "other.pem"))[0] == "tls"


def test_the_doctor_notices_a_wrong_clock_and_a_proxy_that_lets_no_websocket_through(
    fleet: Fleet, admin: Admin
) -> None:
    machine = Machine(fleet, "behind-a-proxy")
    assert machine(*admin("agent", "add").split()[1:]).returncode == 0
    with faulty_proxy(fleet.url, ahead_s=3600.0) as url:
        machine.env["BATWA_AGENT_HUB_URL"] = url
        told = machine("doctor", "--json")

    assert told.returncode == 1, told
    found = {each["check"]: each for each in json.loads(told.stdout)}
    assert {name for name, each in found.items() if each["state"] != "ok"} == {"time", "upgrade"}
    assert (
        re.fullmatch(r"this clock is 3\d\d\d s behind the hub's", found["time"]["says"])
        and "timedatectl" in found["time"]["mend"]
    )
    assert found["upgrade"]["says"] == "something between here and the hub lets no WebSocket through"
    assert "Upgrade" in found["upgrade"]["mend"]


def test_a_hub_that_is_not_the_tokens_hub_is_told_nothing(fleet: Fleet, admin: Admin, tmp_path: Path) -> None:
    token = admin("agent", "add").split()[2]
    with Fleet(tmp_path, tls=True) as impostor:
        fleet.hub.stop()
        impostor.hub.stop()
        impostor.hub.env["BATWA_HUB_PORT"] = str(fleet.port)
        impostor.hub.ready = f"{fleet.url}/readyz"
        impostor.hub.start()

        refused = Machine(fleet, "careful")("join", token)

        assert refused.returncode == 1 and "another CA than the token says" in refused.stderr, refused
        impostor.hub.stop()
    fleet.hub.start()
