"""What is inside a simulated VM, and what of the machine it must not show."""

import re
import shutil
import signal
import subprocess
import time

import pytest

from .conftest import Sim

PROMPT = r"ubuntu@foo:~\$ $"
PGREP = shutil.which("pgrep") or "pgrep"
ISOLATIONS = pytest.mark.parametrize("isolation", ["namespaces", "plain"])


@pytest.fixture
def foo(sim: Sim) -> Sim:
    """Give a machine on which `foo` runs."""
    sim.ok("launch", "--name", "foo")
    return sim


def _gone(process_line: str) -> bool:
    """Tell whether no process has that command line, allowing it a moment to go."""
    for _ in range(100):
        if subprocess.run(
            ["/usr/bin/pgrep", "-f", process_line], check=False, capture_output=True
        ).returncode:
            return True
        time.sleep(0.02)
    return False


@ISOLATIONS
def test_a_shell_ends_with_0_whatever_was_the_matter(foo: Sim, isolation: str) -> None:
    shell = foo.terminal("shell", "foo", ISOLATION=isolation)
    shell.expect(PROMPT)
    shell.send("echo hi; exit 4\n")

    answer = shell.finish()

    assert answer.exit == 0
    assert "\rhi\r\n" in answer.stdout and "logout" in answer.stdout


@ISOLATIONS
def test_the_hosts_environment_does_not_get_in(foo: Sim, isolation: str) -> None:
    seen = foo.ok("exec", "foo", "--", "env", ISOLATION=isolation)

    assert "SECRET_OF_THE_HOST" not in seen and "VIRTUAL_ENV" not in seen
    allowed = {"TERM", "PATH", "HOME", "USER", "LANG", "LOGNAME", "SHELL"}
    allowed |= {"PWD", "OLDPWD", "SHLVL", "_", "MULTIPASS_SIM_VM"}
    assert {line.partition("=")[0] for line in seen.splitlines()} <= allowed


def test_the_inside_is_a_machine_of_its_own(foo: Sim) -> None:
    script = "hostname; id -un; pwd; ls /; ls /home; ps -e | wc -l; cat /etc/hostname; touch /usr/x /etc/y"

    answer = foo.run("exec", "foo", "--", "sh", "-c", script, ISOLATION="namespaces")

    lines = answer.stdout.split("\n")
    assert lines[:3] == ["foo", "ubuntu", "/home/ubuntu"]
    assert "root" in lines and "srv" not in lines and "old" not in lines
    assert int(lines[-3]) < 10
    assert "Read-only file system" in answer.stderr


def test_a_vm_keeps_its_files_and_processes_between_sessions(foo: Sim) -> None:
    foo.ok("exec", "foo", "--", "sh", "-c", "echo kept > note; sleep 61.5 > /dev/null 2>&1 &")

    assert foo.ok("exec", "foo", "--", "cat", "note") == "kept\n"
    assert foo.ok("exec", "foo", "--", "pgrep", "-f", "sleep 61.5")
    foo.ok("stop", "foo")
    assert _gone("sleep 61.5")
    assert foo.ok("exec", "foo", "--", "cat", "note").endswith("kept\n")


@ISOLATIONS
@pytest.mark.parametrize("command", ["stop", "stop --force", "suspend", "delete", "delete --purge"])
def test_taking_a_vm_down_ends_its_shells(foo: Sim, isolation: str, command: str) -> None:
    shell = foo.terminal("shell", "foo", ISOLATION=isolation)
    shell.expect(PROMPT)

    foo.ok(*command.split(), "foo", ISOLATION=isolation)

    assert shell.finish().exit == 0


def test_an_exec_whose_vm_is_stopped_lost_its_connection(foo: Sim) -> None:
    with foo.start("exec", "foo", "--", "sh", "-c", "echo on; sleep 60") as running:
        assert running.stdout is not None and running.stdout.readline() == "on\n"
        foo.ok("stop", "foo")

        assert running.wait(5) == 255


def test_a_vm_whose_stop_lost_its_client_is_swept(foo: Sim) -> None:
    shell = foo.terminal("shell", "foo")
    shell.expect(PROMPT)
    with foo.start("stop", "foo", STOP_S="0.5") as stopping:
        while foo.machine.read().instances["foo"].timeline[-1][1] != "Stopped":
            pass
        stopping.kill()
    foo.until("foo", "Stopped")

    assert shell.finish().exit == 0


@ISOLATIONS
def test_the_terminal_is_the_shells_own(foo: Sim, isolation: str) -> None:
    shell = foo.terminal("shell", "foo", rows=33, cols=101, ISOLATION=isolation)
    shell.expect(PROMPT)
    shell.send("stty size; echo $TERM\n")
    shell.expect("33 101\r\nxterm")
    shell.expect(PROMPT)
    shell.resize(50, 132)
    shell.send("stty size\n")
    shell.expect("50 132")
    shell.expect(PROMPT)
    shell.send("echo héllo ✓ 😀\n")
    shell.expect("\rhéllo ✓ 😀")
    shell.close()


@ISOLATIONS
def test_ctrl_c_interrupts_what_runs_and_not_the_shell(foo: Sim, isolation: str) -> None:
    shell = foo.terminal("shell", "foo", ISOLATION=isolation)
    shell.expect(PROMPT)
    shell.send("echo begun; sleep 62\n")
    shell.expect("\rbegun")
    time.sleep(0.05)  # until bash has handed the terminal over, which nothing shows
    shell.send("\x03")
    shell.expect(PROMPT)
    shell.send("echo rc=$?\n")
    shell.expect("rc=130")
    shell.expect(PROMPT)
    shell.send("\x04")

    assert shell.finish().exit == 0


def test_a_terminal_that_vanishes_takes_the_shell_along(foo: Sim) -> None:
    shell = foo.terminal("shell", "foo")
    shell.expect(PROMPT)
    shell.send("sleep 63.5\n")

    assert shell.hang_up() == -signal.SIGHUP
    assert _gone("sleep 63.5")


def test_ctrl_c_in_an_exec_reads_as_a_lost_connection(foo: Sim) -> None:
    running = foo.terminal("exec", "foo", "--", "sh", "-c", "echo on; exec sleep 64")
    running.expect("on\r\n")
    running.send("\x03")

    assert running.finish().exit == 255


def test_an_exec_on_a_terminal_talks_both_ways(foo: Sim) -> None:
    running = foo.terminal("exec", "foo", "--", "cat")
    running.send("abc\n")
    running.expect("abc\r\nabc\r\n")
    running.send("\x04")

    assert running.finish().exit == 0


def test_an_exec_without_a_terminal_outlives_its_client(foo: Sim) -> None:
    with foo.start("exec", "foo", "--", "sh", "-c", "echo on; exec sleep 65.5") as running:
        assert running.stdout is not None and running.stdout.readline() == "on\n"
        running.terminate()
        assert running.wait(5) == -signal.SIGTERM

    assert foo.ok("exec", "foo", "--", "pgrep", "-f", "sleep 65.5")


def test_an_exec_that_ends_with_4_is_run_again_and_again(foo: Sim) -> None:
    with foo.start("exec", "foo", "--", "sh", "-c", "echo hi; exit 4") as running:
        assert running.stdout is not None
        assert [running.stdout.readline() for _ in range(3)] == ["hi\n"] * 3
        running.kill()


def test_a_shell_without_a_terminal_runs_what_it_is_given(foo: Sim) -> None:
    answer = foo.run("shell", "foo", stdin="echo from stdin; tty; exit 6\n")

    assert answer.exit == 0
    assert answer.stdout.endswith("from stdin\nnot a tty\n")


def test_a_shell_of_a_suspended_vm_starts_it_first(foo: Sim) -> None:
    foo.ok("suspend", "foo")
    shell = foo.terminal("shell", "foo")
    seen = shell.expect(PROMPT)
    shell.close()

    assert re.match("\x1b\\[2K\x1b\\[0A\x1b\\[0EStarting foo  \x08/", seen)
    assert foo.states() == {"foo": "Running"}


def test_many_shells_at_once_share_one_vm(foo: Sim) -> None:
    running = [foo.start("exec", "foo", "--", "readlink", "/proc/self/ns/pid") for _ in range(6)]
    spaces = {process.communicate(timeout=10)[0] for process in running}

    assert len(spaces) == 1
