"""Faults that can be switched on and off while somebody uses the machine."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from batwa_agent.simulator.faults import Faults
from batwa_agent.simulator.grammar import COMMANDS, NOT_SIMULATED

from .conftest import Sim

DOCS = Path(__file__).parents[3] / "docs" / "simulator.md"


def _hangs(process: "subprocess.Popen[str]", for_s: float = 0.4) -> bool:
    try:
        process.wait(for_s)
    except subprocess.TimeoutExpired:
        return True
    return False


def _ignores(pid: int, signum: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(mask, 16) >> (signum - 1) & 1)


def test_a_hung_daemon_answers_once_it_is_let_go(sim: Sim) -> None:
    sim.switch(HANG="all")
    with sim.start("list") as listing, sim.start("version") as version:
        assert _hangs(listing) and _hangs(version)
        sim.switch()

        assert listing.communicate(timeout=5)[0] == "No instances found.\n"
        assert version.wait(5) == 0


def test_only_the_named_command_hangs(sim: Sim) -> None:
    sim.switch(HANG="info,find")
    with sim.start("info") as info:
        assert _hangs(info)
        assert sim.ok("list")
        info.terminate()

        assert info.wait(5) == -signal.SIGTERM


def test_a_hung_daemon_may_ignore_sigterm(sim: Sim) -> None:
    with sim.start("list", HANG="list", HANG_IGNORES_TERM="1") as listing:
        deadline = time.monotonic() + 20
        while not _ignores(listing.pid, signal.SIGTERM):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        listing.terminate()
        assert _hangs(listing)
        listing.kill()


def test_the_file_wins_over_the_environment(sim: Sim) -> None:
    sim.switch(DOWN=False)

    assert sim.run("list", DOWN="1").exit == 0


def test_a_daemon_can_be_down_and_come_back(sim: Sim) -> None:
    sim.switch(DOWN=True)
    assert sim.run("list").stderr == "list failed: cannot connect to the multipass socket\n"
    assert sim.ok("version") == "multipass   1.16.3+sim\n"
    sim.switch()
    assert "multipassd" in sim.ok("version")


def test_garbage_is_no_json(sim: Sim) -> None:
    answer = sim.run("list", "--format", "json", GARBAGE="list")

    assert answer.exit == 0
    with pytest.raises(ValueError, match=r"Invalid|Expecting|delimiter"):
        json.loads(answer.stdout)
    assert sim.run("version", GARBAGE="list").stdout.startswith("multipass ")
    assert sim.run("find", GARBAGE="all", GARBAGE_TEXT="moo").stdout == "moo"


def test_a_frozen_instance_holds_up_a_plain_list_and_then_everybody(sim: Sim) -> None:
    for name in ("foo", "web"):
        sim.ok("launch", "--name", name)
    sim.switch(FROZEN="foo")
    assert sim.states() == {"foo": "Running", "web": "Running"}
    assert "web" in sim.ok("info", "web")

    with sim.start("list") as listing:
        assert _hangs(listing)
        listing.kill()
    with sim.start("version") as version, sim.start("list", "--no-ipv4") as other:
        assert _hangs(version) and _hangs(other)
        sim.switch()

        assert version.wait(5) == 0 and other.wait(5) == 0


@pytest.mark.parametrize("command", [("info", "foo"), ("info",), ("exec", "foo", "true"), ("shell", "foo")])
def test_a_frozen_instance_holds_up_whoever_asks_it(sim: Sim, command: tuple[str, ...]) -> None:
    sim.ok("launch", "--name", "foo")
    sim.switch(FROZEN="foo", FROZEN_SPREADS=False)
    with sim.start(*command) as asking:
        assert _hangs(asking)
        assert sim.ok("version")
        asking.kill()


@pytest.mark.parametrize(
    ("phase", "left"),
    [
        ("Creating", {}),
        ("Retrieving image", {}),
        ("Verifying image", {}),
        ("Preparing image", {}),
        ("Configuring", {}),
        ("Starting", {"foo": "Unknown"}),
        ("Waiting for initialization to complete", {"foo": "Running"}),
    ],
)
def test_a_launch_fails_in_the_phase_asked_for(sim: Sim, phase: str, left: dict[str, str]) -> None:
    answer = sim.run("launch", "--name", "foo", FAIL_LAUNCH=phase)

    assert answer.exit == 2
    assert "launch failed: " in answer.stderr
    assert answer.stdout.endswith("\x1b[0E")
    assert sim.states() == left


def test_a_launch_fails_with_the_sentence_asked_for(sim: Sim) -> None:
    answer = sim.run("launch", "--name", "foo", FAIL_LAUNCH="Creating: the moon is full")

    assert answer.stderr == "launch failed: the moon is full\n"


def test_a_daemon_that_dies_in_a_launch_takes_the_launch_along(sim: Sim) -> None:
    answer = sim.run("launch", "--name", "foo", CRASH="Retrieving image")

    assert answer.exit == 2
    assert answer.stderr == "launch failed: cannot connect to the multipass socket\n"
    assert sim.states() == {}


def test_stopping_blocks_the_daemon_until_the_guest_is_off(sim: Sim) -> None:
    sim.ok("launch", "--name", "foo")
    with sim.start("stop", "foo", STOP_S="1") as stopping:
        while sim.machine.read().numbers.get("busy_until", 0.0) < time.time():
            pass
        assert json.loads(sim.ok("list", "--format", "json"))["list"][0]["state"] == "Stopped"
        assert stopping.wait(5) == 0


def test_stopping_what_never_came_up_takes_as_long_as_said(sim: Sim) -> None:
    sim.run("launch", "--name", "foo", FAIL_LAUNCH="Starting")
    with sim.start("stop", "foo", STUCK_STOP_S="600") as stopping:
        assert _hangs(stopping)
        stopping.kill()
    with sim.start("delete", "--purge", "foo") as deleting:
        assert _hangs(deleting)
        deleting.kill()


def test_every_call_can_be_slowed_down(sim: Sim) -> None:
    began = time.monotonic()
    sim.ok("list", CALL_S="0.5")

    assert time.monotonic() - began >= 0.5


def test_a_misspelt_fault_is_refused_by_name(sim: Sim) -> None:
    assert "MULTIPASS_SIM_HANGG" in sim.run("list", HANGG="1").stderr
    assert "MULTIPASS_SIM_STOP_S" in sim.run("list", STOP_S="soon").stderr
    sim.switch(DOWNN=1)
    assert "MULTIPASS_SIM_DOWNN" in sim.run("list").stderr


@pytest.mark.parametrize("command", sorted(NOT_SIMULATED))
def test_what_is_not_simulated_says_so(sim: Sim, command: str) -> None:
    answer = sim.run(command, "foo")

    assert answer.exit == 2
    assert f"`{command}` is not simulated" in answer.stderr


def test_every_setting_and_command_is_documented() -> None:
    text = DOCS.read_text()

    wanted = [f"`MULTIPASS_SIM_{field.upper()}`" for field in Faults._fields]
    wanted += [f"`{command}`" for command in (*COMMANDS, *NOT_SIMULATED)]
    assert [word for word in wanted if word not in text] == []
