"""The command `batwa` and the client library as people use them: real processes, terminals and fleet."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from .fleet import BIN, PASSWORD, Fleet, clean_environment

ROOT = Path(__file__).parents[2]
NOTHING_THERE = "http://127.0.0.1:1"


class Cli:
    """Somebody with a home of their own."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.file = home / "batwa" / "credentials.json"
        self.env = clean_environment() | {
            "XDG_CONFIG_HOME": str(home),
            "TERM": "xterm",
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }

    def run(self, *words: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        argv = [str(BIN / "batwa"), *words]
        return subprocess.run(
            argv, env=self.env | env, input=stdin, capture_output=True, text=True, timeout=50, check=False
        )

    def json(self, *words: str, **env: str) -> Any:
        done = self.run(*words, "--json", **env)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def log_in(self) -> None:
        done = self.run("login", self.url, "--user", "admin", "--password-stdin", stdin=PASSWORD + "\n")
        assert done.returncode == 0, done

    def spawn(self, command: str) -> "pexpect.spawn[str]":
        return pexpect.spawn("/bin/sh", ["-c", command], env=self.env, encoding="utf-8", timeout=25)


@pytest.fixture(scope="module")
def cli(shared_fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Logged in at the shared fleet."""
    cli = Cli(shared_fleet.url, tmp_path_factory.mktemp("home"))
    cli.log_in()
    return cli


@pytest.fixture
def vm(cli: Cli) -> Iterator[str]:
    """A VM that runs."""
    cli.json("vm", "create", "shelly")
    yield "shelly"
    cli.run("vm", "delete", "shelly", "--purge")


def blocks(document: str, language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)
    assert found, document
    return found


def ended(child: "pexpect.spawn[str]") -> int | None:
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


@pytest.mark.timeout(150)
@pytest.mark.parametrize("document", ["README.md", "docs/cli.md"])
def test_the_documented_session_does_what_it_says(shared_fleet: Fleet, tmp_path: Path, document: str) -> None:
    (session,) = (block for block in blocks(document, "sh") if "batwa vm create" in block)
    cli = Cli(shared_fleet.url, tmp_path)
    for line in session.replace("http://127.0.0.1:8000", shared_fleet.url).splitlines():
        child = cli.spawn(line)
        if " login " in line:
            child.expect("Password: ")
            child.sendline(PASSWORD)
        if " shell " in line:
            child.expect(r"\$ ")
            child.sendline("exit")
        if "--purge" in line:
            child.expect("for good")
            child.sendline("y")
        assert ended(child) == 0, (line, child.before)


@pytest.mark.parametrize("document", ["README.md", "docs/client.md"])
def test_the_documented_python_runs(cli: Cli, tmp_path: Path, document: str) -> None:
    token = cli.json("token", "new", "python")
    for number, example in enumerate(blocks(document, "python")):
        file = tmp_path / f"example{number}.py"
        file.write_text(example.replace("http://127.0.0.1:8000", cli.url))
        env = cli.env | {"BATWA_URL": cli.url, "BATWA_TOKEN": token["token"]}
        done = subprocess.run(
            [sys.executable, "-W", "error", str(file)],
            env=env,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    assert cli.run("token", "rm", token["id"]).returncode == 0


def test_a_life_in_json_says_nothing_but_json(cli: Cli) -> None:
    made = cli.json("vm", "create", "jason", "--agent", "oslo", "--memory", "512M", "--cpus", "2")
    assert (made["state"], made["vm"]["name"], made["agent_id"]) == ("succeeded", "jason", "oslo")
    (listed,) = cli.json("vm", "ls", "--agent", "oslo")
    assert (listed["name"], listed["memory"], listed["cpu_cores"]) == ("jason", 512, 2)
    assert cli.json("vm", "info", "jason", "--agent", "oslo")["id"] == listed["id"]
    assert cli.json("vm", "stop", listed["id"])["state"] == "succeeded"
    begun = cli.json("vm", "start", "jason", "--no-wait")
    assert cli.json("op", "wait", begun["id"])["state"] == "succeeded"
    assert cli.json("op", "show", begun["id"])["kind"] == "start"
    assert begun["id"] in [each["id"] for each in cli.json("op", "ls")]
    assert cli.json("vm", "delete", "jason", "--purge")["state"] == "succeeded"
    assert cli.json("vm", "ls", "--agent", "oslo") == []
    assert {"local", "oslo"} <= {each["agent_id"] for each in cli.json("agent", "ls")}


def test_people_read_ages_and_rounded_numbers(cli: Cli) -> None:
    peers, agent = cli.run("peer", "ls").stdout, cli.run("agent", "info", "oslo").stdout

    assert re.search(r"^oslo .* online +\d+[sm] *$", peers, re.MULTILINE), peers
    assert re.search(r"^Load +\d+\.\d\d, \d+\.\d\d, \d+\.\d\d *$", agent, re.MULTILINE), agent


def test_one_key_makes_one_vm(cli: Cli) -> None:
    first, second = (cli.json("vm", "create", "once", "--key", "once-1") for _ in range(2))
    cli.run("vm", "delete", "once", "--purge")

    assert first["id"] == second["id"]


def test_top_shows_the_fleet_until_ctrl_c(cli: Cli, vm: str) -> None:
    screen = cli.spawn("stty rows 12 cols 100; exec batwa top --every 0.5")
    for text in (r"machines: 2", r"VMs: 1 \(1 Running\)", "oslo-host"):
        screen.expect(text)
    screen.sendintr()
    assert ended(screen) == 0

    done = cli.run("top", "--count", "2", "--every", "0.5")
    assert (done.returncode, done.stderr, done.stdout.count("machines: 2")) == (0, "", 2)
    look = cli.json("top", "--count", "1")
    assert [each["name"] for each in look["vms"]] == [vm]
    assert {each["hostname"] for each in look["agents"]} == {"local-host", "oslo-host"}


def test_events_come_as_lines_of_json(cli: Cli) -> None:
    done = cli.run("events", "--after", "0", "--count", "2", "--json")

    assert [json.loads(line)["kind"] for line in done.stdout.splitlines()] == ["agent", "agent"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("vm", "info", "nobody"), 4, "batwa: no VM 'nobody'"),
        (("op", "show", "nothing"), 4, "batwa: "),
        (("vm", "create", "bad name"), 2, "'bad name' is no name"),
        (("vm", "create", "x", "--memory", "much"), 2, "'much' is not a size"),
        (("vm", "create", "x", "--image", "no-such-image"), 1, "batwa: "),
        (("--url", NOTHING_THERE, "vm", "ls"), 3, "Not logged in"),
        (("vm", "unknown"), 2, "No such command"),
    ],
)
def test_a_failure_is_a_sentence_and_a_code(
    cli: Cli, words: tuple[str, ...], code: int, sentence: str
) -> None:
    done = cli.run(*words)

    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr and "Traceback" not in done.stderr


def test_a_hub_that_is_not_there_and_a_token_that_is_none_have_codes(cli: Cli) -> None:
    assert cli.run("vm", "ls", BATWA_URL=NOTHING_THERE, BATWA_TOKEN="t").returncode == 5
    refused = cli.run("vm", "ls", BATWA_TOKEN="bat_none")
    assert refused.returncode == 3
    assert "(request " in refused.stderr


def test_what_login_stores_is_for_its_owner_alone(shared_fleet: Fleet, tmp_path: Path) -> None:
    cli = Cli(shared_fleet.url, tmp_path)
    cli.log_in()
    stored = cli.file.read_text()
    assert cli.file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in stored and "bat_" in stored

    cli.file.chmod(0o644)
    refused = cli.run("vm", "ls")
    assert refused.returncode == 3 and "chmod 600" in refused.stderr

    cli.file.chmod(0o600)
    token = json.loads(stored)["hubs"][shared_fleet.url]["token"]
    assert cli.run("logout").returncode == 0
    assert token not in cli.file.read_text()
    assert cli.run("vm", "ls", BATWA_URL=cli.url, BATWA_TOKEN=token).returncode == 3, "it ended at the hub"


def test_a_viewers_machine_may_look_and_no_more(cli: Cli, tmp_path: Path) -> None:
    added = cli.run("user", "add", "vera", "--password-stdin", stdin="long enough\n")
    assert added.returncode == 0, added
    vera = Cli(cli.url, tmp_path)
    done = vera.run("login", cli.url, "--user", "vera", "--password-stdin", stdin="long enough\n")
    assert done.returncode == 0, done
    assert vera.run("vm", "ls").returncode == 0
    assert vera.run("vm", "create", "mine").returncode == 3
    assert cli.run("user", "rm", "vera").returncode == 0
    assert vera.run("vm", "ls").returncode == 3


def test_a_create_shows_what_it_is_doing(shared_fleet: Fleet, cli: Cli) -> None:
    shared_fleet.faults("local", MULTIPASS_SIM_LAUNCH_S="2.5")
    child = cli.spawn("batwa vm create slow --image 22.04")
    try:
        child.expect("Retrieving image")
        child.expect(r"[1-9][0-9]?%")
        child.expect("slow created")
        assert ended(child) == 0
    finally:
        shared_fleet.faults("local")
        cli.run("vm", "delete", "slow", "--purge")


def test_ctrl_c_ends_the_waiting_and_not_the_work(shared_fleet: Fleet, cli: Cli) -> None:
    shared_fleet.faults("local", MULTIPASS_SIM_LAUNCH_S="2.5")
    child = cli.spawn("exec batwa vm create patient")
    try:
        child.expect("create patient: [A-Z]")
        child.sendintr()
        child.expect(r"batwa op wait (\S+)`")
        operation = child.match[1]
        assert ended(child) == 130
        assert cli.json("op", "wait", operation)["state"] == "succeeded"
    finally:
        shared_fleet.faults("local")
        cli.run("vm", "delete", "patient", "--purge")


def shell(cli: Cli, words: str) -> "pexpect.spawn[str]":
    """Start `batwa shell`, with the terminal's settings shown before and after it."""
    child = cli.spawn(f"stty -g; batwa shell {words}; echo code=$?; stty -g")
    child.setwinsize(30, 90)
    child.expect(r"(\w+(:\w+)+)\r\n")
    child.before_settings = child.match[1]
    child.expect("leaves")
    child.expect(r"\$ ")
    return child


def given_back(child: "pexpect.spawn[str]", code: int) -> None:
    child.expect(f"code={code}\r\n")
    child.expect_exact(child.before_settings)
    assert ended(child) == 0


def test_a_shell_follows_the_size_and_passes_every_key(cli: Cli, vm: str) -> None:
    child = shell(cli, vm)
    child.sendline("stty size")
    child.expect("30 90")
    child.setwinsize(41, 133)
    child.sendline("while [ \"$(stty size)\" != '41 133' ]; do sleep 0.1; done; echo has'  'grown")
    child.expect("has  grown")
    child.sendline("sh -c 'echo sle''eping; exec sleep 100'")
    child.expect("sleeping")  # an interrupt before the command has the terminal would be the shell's
    child.sendintr()
    child.sendline("echo kä''se")
    child.expect("käse")
    child.sendline("exit")
    given_back(child, 0)


def test_the_detach_key_leaves_and_tidies_up(cli: Cli, vm: str) -> None:
    child = shell(cli, f"{vm} --detach-key ctrl-a")
    child.sendline(r"printf '\033[?1049h\033[?1000h'; echo in''side")
    child.expect("inside")
    child.send("\x01")
    child.expect_exact("\x1b[?1049l")
    child.expect(f"Left {vm}")
    given_back(child, 0)


def test_a_shell_that_is_told_to_end_gives_the_terminal_back(cli: Cli, vm: str) -> None:
    child = shell(cli, vm)
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(child.pid)], capture_output=True, text=True, check=True
    )
    (pid,) = (int(line.split()[0]) for line in listed.stdout.splitlines() if "batwa" in line)
    os.kill(pid, signal.SIGTERM)
    given_back(child, 143)


def test_a_shell_without_a_terminal_types_what_it_is_given(cli: Cli, vm: str) -> None:
    done = cli.run("shell", vm, stdin="echo a$((1+1))b\n")

    assert done.returncode == 0, done
    assert "a2b" in done.stdout


def test_a_shell_in_no_vm_leaves_the_terminal_alone(cli: Cli) -> None:
    child = cli.spawn("batwa shell nobody; echo code=$?")
    child.expect("no VM 'nobody'")
    child.expect("code=4")
    assert ended(child) == 0


def test_a_create_is_waited_for_over_a_restart_of_the_hub(fleet: Fleet, tmp_path: Path) -> None:
    cli = Cli(fleet.url, tmp_path / "home")
    cli.log_in()
    fleet.faults("oslo", MULTIPASS_SIM_LAUNCH_S="3")
    child = cli.spawn("batwa vm create phoenix --agent oslo")
    child.expect("Retrieving image")
    fleet.hub.kill()
    fleet.hub.start()
    child.expect("phoenix created")
    assert ended(child) == 0


def test_help_needs_no_client() -> None:
    code = "import sys, batwa_common.cli.app as a; a.command().main(['--help'], standalone_mode=False); "
    code += "sys.exit(bool({'aiohttp', 'batwa_common.client'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "Virtual machines" in done.stdout
