"""The command `batwa-hub`, as processes on loopback."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from batwa_hub import background
from batwa_hub.__main__ import main
from batwa_hub.background import find_running

pytestmark = pytest.mark.timeout(180)  # a dozen processes, on a machine that may be busy

PASSWORD = "correct horse battery staple"


class Said(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


class Command:
    """`batwa-hub` with a data directory and port of its own."""

    def __init__(self, data_dir: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BATWA_")}
        self.env = kept | {"BATWA_HUB_DATA_DIR": str(data_dir), "BATWA_HUB_PORT": str(self.port)}
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def __call__(self, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "batwa_hub", *arguments],
            input=stdin,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def kill(self) -> None:
        """Kill -9 the hub in the background."""
        if (found := find_running(self.data_dir / "hub.pid")) is not None:
            os.kill(found.pid, signal.SIGKILL)

    def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        """Return status and body, keeping cookies."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data)  # noqa: S310 -- loopback
        try:
            with self._browser.open(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as err:
            with err:
                return err.code, json.load(err)

    def log_in(self, password: str) -> int:
        """Return the status."""
        return self.ask("/api/auth/login", {"username": "admin", "password": password})[0]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path / "data")
    yield command
    command.kill()


def test_a_hub_is_started_asked_and_stopped(hub: Command) -> None:
    assert hub("status") == Said(3, f"No hub runs with {hub.data_dir}.\n", "")
    assert hub("stop").status == 0

    started = hub("start")
    assert started.status == 0, started
    link = re.search(
        rf"First start\. To set the password of admin, open {hub.url}/setup#(\S+)\n", started.out
    )
    assert link is not None
    assert re.search(rf"The hub runs at {hub.url} \(process \d+, log .*/data/hub\.log\)\.\n", started.out)
    assert link[1] not in (hub.data_dir / "hub.log").read_text()
    assert hub("setup-link").out.startswith(f"{hub.url}/setup#")
    assert hub.ask("/api/auth/setup", {"code": link[1], "password": PASSWORD})[0] == 200
    assert hub.log_in(PASSWORD) == 200
    assert hub("setup-link") == Said(1, "", "This hub is set up: log in, or see batwa-hub admin-password.\n")
    assert re.fullmatch(rf"The hub runs at {hub.url} \(process \d+\), ready\.\n", hub("status").out)
    for arguments in (["start"], ["start", "--foreground"]):
        second = hub(*arguments)
        assert second.status == 1
        assert "A hub is running already" in second.err

    stopped = hub("stop")
    assert re.fullmatch(r"The hub \(process \d+\) has stopped\.\n", stopped.out)
    assert hub("status").status == 3


def test_a_hub_that_systemd_runs_is_left_to_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BATWA_HUB_DATA_DIR", str(tmp_path))
    units = "batwa-hub.socket batwa-hub.service"
    with background.only_one(tmp_path / "hub.pid", "http://127.0.0.1:1", units):
        for command in (["stop"], ["restart"], ["secrets", "rotate"]):
            assert main(command) == 1
            assert f"systemctl stop {units}" in capsys.readouterr().err


def test_a_hub_serves_https_with_a_ca_of_its_own(hub: Command) -> None:
    started = hub("start", "--tls=auto")

    assert started.status == 0, started
    assert f"The hub runs at https://127.0.0.1:{hub.port} " in started.out
    assert hub("status").out.endswith("ready.\n")
    with socket.create_connection(("localhost", hub.port)) as plain:
        context = ssl.create_default_context(cafile=hub.data_dir / "tls" / "ca.pem")
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            assert connection.version() == "TLSv1.3"
    said = hub("config", env={"BATWA_HUB_TLS__MODE": "auto"}).out
    assert 'tls.mode = "auto"  # BATWA_HUB_TLS__MODE\n' in said


def test_a_kill_loses_neither_login_nor_key_and_leaves_nothing_in_the_way(hub: Command) -> None:
    assert hub("start", env={"BATWA_HUB_ADMIN_PASSWORD": PASSWORD}).status == 0
    hub.log_in(PASSWORD)
    key = hub.ask("/api/agent/keys", {"name": "Oslo"})[1]

    hub.kill()
    assert hub("start").status == 0

    assert hub.ask("/api/auth/check") == (200, {"authenticated": True, "username": "admin"})
    assert [each["id"] for each in hub.ask("/api/agent/keys")[1]] == [key["id"]]
    assert hub("restart").status == 0
    assert hub.ask("/api/auth/check")[1]["authenticated"]


def test_a_key_and_a_password_can_be_made_beside_a_running_hub(hub: Command) -> None:
    before = hub("agent-key", "local", "--agent-id", "local")
    assert hub("start", env={"BATWA_HUB_ADMIN_PASSWORD": PASSWORD}).status == 0
    hub.log_in(PASSWORD)
    beside = hub("agent-key", "any")

    for said in (before, beside):
        assert re.fullmatch(r"bak_[A-Za-z0-9_-]{43}\n", said.out)
        assert said.err == "Set it as BATWA_AGENT_API_KEY on the agent's machine; it is not shown again.\n"
    listed = hub.ask("/api/agent/keys")[1]
    assert [(each["name"], each["agent_id"]) for each in listed] == [("local", "local"), ("any", None)]

    changed = hub("admin-password", stdin="another\n")

    assert changed.status == 0
    assert "who was logged in as admin has to log in again" in changed.out
    assert hub.log_in(PASSWORD) == 401
    assert hub.log_in("another") == 200


def test_a_start_that_fails_says_why(hub: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", hub.port))
        taken.listen()
        in_background = hub("start", env={"BATWA_HUB_ADMIN_PASSWORD": PASSWORD})
        in_foreground = hub("start", "--foreground")

    assert in_background.status == 1
    assert re.search(r"batwa-hub: The hub did not start\. .*/data/hub\.log says:\n", in_background.err)
    for said in (in_background, in_foreground):
        assert "address already in use" in said.err
        assert "Traceback" not in said.err
    assert in_foreground.status == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["start", "--port", "70000"], "batwa-hub: port: Input should be less than or equal to 65535\n"),
        (
            ["config", "--config", "/nowhere.toml"],
            "names /nowhere.toml, which is not a file",
        ),
        (["start", "--port", "0"], "port 0 works with --foreground only"),
        (["agent-key", ""], "batwa-hub: name: String should have at least 1 character\n"),
        (["agent-key", "x", "--agent-id", "-"], "batwa-hub: agent_id: String should match pattern"),
        (["admin-password"], "batwa-hub: a password has 1 to 1024 characters\n"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(hub: Command, arguments: list[str], sentence: str) -> None:
    said = hub(*arguments)

    assert said.status == 1
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_check_and_config_tell_what_is_in_force(hub: Command) -> None:
    assert hub("check").out == "The settings are valid; the key file and the database can be used.\n"
    shown = hub("config", env={"BATWA_HUB_ADMIN_PASSWORD": PASSWORD}).out

    assert f"port = {hub.port}  # BATWA_HUB_PORT\n" in shown
    assert '# admin_password = "**********"  # BATWA_HUB_ADMIN_PASSWORD\n' in shown
    assert "event.keep = 10000  # default\n" in shown
    (hub.data_dir / "secret.key").chmod(0o644)
    refused = hub("check")
    assert refused.status == 1
    assert "close it with: chmod 600" in refused.err
