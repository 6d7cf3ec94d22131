"""Launches: what is seen meanwhile, killed in each phase, several at once."""

import json
import subprocess
import sys
import time
from collections import Counter

import pytest

from .conftest import Sim


def test_a_first_launch_shows_every_phase_in_order(sim: Sim) -> None:
    seen = sim.ok("launch", "--name", "foo")

    phases = ["Creating foo", "Retrieving image: 1%", "Retrieving image: 100%", "Verifying image: "]
    phases += ["Preparing image for foo", "Configuring foo", "Starting foo"]
    phases += ["Waiting for initialization to complete", "Launched: foo\n"]
    places = [seen.index(phase) for phase in phases]
    assert places == sorted(places)


def test_states_during_a_launch_are_absent_starting_unknown_running(sim: Sim) -> None:
    launch = sim.terminal("launch", "--name", "foo", LAUNCH_S="60")
    launch.expect("Creating")
    assert sim.states() == {}
    launch.close()

    sim.ok("launch", "--name", "foo")
    booted = sim.machine.read().instances["foo"].timeline
    assert [state for _, state in booted] == ["Stopped", "Starting", "Unknown", "Running"]
    assert sim.states() == {"foo": "Running"}


@pytest.mark.parametrize("phase", ["Creating", "Retrieving image: 3", "Verifying", "Preparing"])
@pytest.mark.parametrize("key", ["signal", "\x03"])
def test_a_launch_killed_before_its_image_is_ready_leaves_nothing(sim: Sim, phase: str, key: str) -> None:
    launch = sim.terminal("launch", "--name", "foo", LAUNCH_S="1.5")
    launch.expect(phase)
    if key == "signal":
        launch.process.kill()
    else:
        launch.send(key)
    assert launch.finish().exit == (-9 if key == "signal" else -2)

    assert sim.states() == {}
    assert "Launched: foo" in sim.ok("launch", "--name", "foo")


@pytest.mark.parametrize("phase", ["Starting", "Waiting"])
def test_a_launch_killed_later_comes_up_by_itself(sim: Sim, phase: str) -> None:
    launch = sim.terminal("launch", "--name", "foo", LAUNCH_S="1", DOWNLOAD="never")
    launch.expect(phase)
    launch.process.kill()
    assert launch.finish().exit == -9

    again = sim.run("launch", "--name", "foo")
    assert again.stderr == 'launch failed: instance "foo" already exists\n'
    sim.until("foo", "Running")
    assert sim.ok("exec", "foo", "--", "echo", "hi") == "hi\n"


def test_a_name_is_taken_while_its_image_is_prepared(sim: Sim) -> None:
    launch = sim.terminal("launch", "--name", "foo", LAUNCH_S="60")
    launch.expect("Creating")
    again = sim.run("launch", "--name", "foo")
    launch.close()

    assert again.stderr == 'launch failed: instance "foo" is being prepared\n'


def test_a_start_of_a_launching_instance_waits_and_finds_it_running(sim: Sim) -> None:
    with sim.start("launch", "--name", "foo", BOOT_S="4", DOWNLOAD="never") as launch:
        sim.until("foo", "Unknown")
        sim.ok("start", "foo")
        assert sim.states() == {"foo": "Running"}
        launch.communicate()


def test_launches_at_once_do_not_disturb_each_other(sim: Sim) -> None:
    names = [f"vm{n}" for n in range(8)]
    running = [sim.start("launch", "--name", name) for name in names]
    answers = [(*process.communicate(timeout=20), process.returncode) for process in running]

    assert [answer for answer in answers if answer[2]] == []
    rows = json.loads(sim.ok("list", "--format", "json"))["list"]
    assert sorted(row["name"] for row in rows) == names
    assert len({row["ipv4"][0] for row in rows}) == len(names)


def test_of_many_launches_of_one_name_one_succeeds(sim: Sim) -> None:
    running = [sim.start("launch", "--name", "foo") for _ in range(6)]
    for process in running:
        process.communicate(timeout=20)

    assert Counter(process.returncode for process in running) == {0: 1, 2: 5}


def test_calls_at_once_all_see_a_whole_state(sim: Sim) -> None:
    sim.ok("launch", "--name", "foo")
    changing = [sim.start(command, "foo") for command in ["suspend", "start", "stop"] * 4]
    reading = [sim.start(command, "--format", "json") for command in ["list", "info"] * 4]

    assert all(json.loads(process.communicate(timeout=20)[0]) for process in reading)
    refusals = [process.communicate(timeout=20)[1] for process in changing]
    assert not [text for text in refusals if text and " failed: " not in text]


def test_a_made_up_name_is_a_valid_one(sim: Sim) -> None:
    seen = sim.ok("launch")

    name = seen.rpartition("Launched: ")[2].split("\n")[0]
    assert sim.states() == {name: "Running"}


def test_what_was_asked_for_is_what_get_tells(sim: Sim) -> None:
    sim.ok("launch", "--name", "foo", "--cpus", "3", "--memory", "2G", "-d", "12G")

    values = [sim.ok("get", f"local.foo.{key}") for key in ("cpus", "memory", "disk")]
    assert values == ["3\n", "2.0GiB\n", "12.0GiB\n"]


def test_user_data_reaches_the_instance(sim: Sim) -> None:
    document = "#cloud-config\npackages: [git]\n"
    assert sim.run("launch", "--name", "foo", "--cloud-init", "-", stdin=document).exit == 0

    path = "/var/lib/cloud/instance/user-data.txt"
    assert sim.ok("exec", "foo", "--", "cat", path, ISOLATION="namespaces") == document


def test_two_homes_are_two_machines(sim: Sim) -> None:
    sim.ok("launch", "--name", "foo")

    assert Sim(sim.home.with_name("other")).states() == {}


def test_the_purge_of_one_leaves_the_others_in_the_trash(sim: Sim) -> None:
    for name in ("mine", "theirs"):
        sim.ok("launch", "--name", name)
        sim.ok("delete", name)
    sim.ok("delete", "--purge", "mine")

    assert sim.states() == {"theirs": "Deleted"}
    sim.ok("purge")
    assert sim.states() == {}


def test_nothing_heavy_is_imported(sim: Sim) -> None:
    argv = [sys.executable, "-X", "importtime", "-m", "batwa_agent.simulator", "list"]
    seen = subprocess.run(argv, env=sim.env, capture_output=True, text=True, check=True).stderr

    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in seen.splitlines()}
    assert not modules & {"pydantic", "aiohttp", "asyncio", "argparse", "subprocess", "dataclasses", "shutil"}


def test_listing_is_quick(sim: Sim) -> None:
    sim.ok("launch", "--name", "foo")
    took = []
    for _ in range(10):
        began = time.perf_counter()
        sim.ok("list", "--format", "json")
        took.append(time.perf_counter() - began)

    # the goal is 0.06 s on an idle machine; a shared one gets room
    assert min(took) < 0.15, took
