"""Hub, linked agent and command line over HTTPS with the hub's own CA, through a rotation of it."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from batwa_common.tls import bundle_id, fingerprint, shown

from .fleet import BIN, PASSWORD, Fleet, clean_environment

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A hub with its own CA, and an agent that was given it and dials the hub for all calls."""
    fleet = Fleet(tmp_path_factory.mktemp("https"), tls=True)
    with fleet:
        pinned = fleet.directory / "oslo" / "data" / "ca.pem"
        pinned.parent.mkdir(parents=True)
        pinned.write_text(fleet.bundle())
        fleet.add_agent("oslo", BATWA_AGENT_CA=str(pinned), BATWA_AGENT_LINK="true")
        yield fleet


def batwa(home: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    env = clean_environment() | {"XDG_CONFIG_HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [str(BIN / "batwa"), *words],
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_login_asks_for_the_fingerprint_and_remembers_it(fleet: Fleet, tmp_path: Path) -> None:
    words = ("login", fleet.url, "--user", "admin", "--password-stdin")
    digest = shown(fingerprint(fleet.bundle()))

    refused = batwa(tmp_path, *words, stdin=PASSWORD)
    wrong = batwa(tmp_path, *words, "--fingerprint", "ab" * 32, stdin=PASSWORD)
    right = batwa(tmp_path, *words, "--fingerprint", digest, stdin=PASSWORD)

    assert refused.returncode == 5 and digest in refused.stderr, refused
    assert wrong.returncode == 5 and "do not go on" in wrong.stderr, wrong
    assert right.returncode == 0, right
    until(lambda: "online" in batwa(tmp_path, "agent", "ls").stdout)
    assert batwa(tmp_path, "logout").returncode == 0


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("no", 5)])
def test_a_person_is_shown_the_fingerprint_and_asked(
    fleet: Fleet, tmp_path: Path, answer: str, status: int
) -> None:
    env = clean_environment() | {"XDG_CONFIG_HOME": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "dumb"}
    argv = ["login", fleet.url, "--user", "admin"]
    child = pexpect.spawn(str(BIN / "batwa"), argv, env=env, encoding="utf-8", timeout=40)

    child.expect_exact(shown(fingerprint(fleet.bundle())))
    child.expect("Type yes")
    child.sendline(answer)
    if status == 0:
        child.expect("Password: ")
        child.sendline(PASSWORD)
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == status, child.before
    assert (batwa(tmp_path, "agent", "ls").returncode == 0) == (status == 0)


def test_a_ca_may_be_named_instead(fleet: Fleet, tmp_path: Path) -> None:
    ca = str(fleet.directory / "hub" / "tls" / "ca.pem")

    done = batwa(tmp_path, "--ca", ca, "login", fleet.url, "--password-stdin", stdin=PASSWORD)

    assert done.returncode == 0, done
    agents = json.loads(batwa(tmp_path, "agent", "ls", "--json").stdout)
    assert [agent["agent_id"] for agent in agents] == ["oslo"]


def test_agents_follow_a_rotation_by_themselves(fleet: Fleet, tmp_path: Path) -> None:
    pinned = fleet.directory / "oslo" / "data" / "ca.pem"
    for action in ("rotate", "retire"):
        subprocess.run([str(BIN / "batwa-hub"), "ca", action], env=fleet.env, check=True, capture_output=True)
        now = fleet.bundle()
        until(lambda now=now: bundle_id(pinned.read_text()) == bundle_id(now))

    assert pinned.read_text().count("BEGIN") == 1
    fleet.agents["oslo"].stop()
    fleet.agents["oslo"].start()
    ca = str(fleet.directory / "hub" / "tls" / "ca.pem")
    words = ("--ca", ca, "login", fleet.url, "--password-stdin")
    assert batwa(tmp_path, *words, stdin=PASSWORD).returncode == 0
    until(lambda: "online" in batwa(tmp_path, "agent", "ls").stdout)
    made = batwa(tmp_path, "vm", "create", "far", "--agent", "oslo")
    assert made.returncode == 0, made
