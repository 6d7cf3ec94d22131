"""Commands in VMs, with the simulator as the program that runs them."""

import asyncio
import os
import secrets
import shlex
import shutil
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batwa_agent.exec.commands import Commands, Outcome, Stream, once
from batwa_agent.exec.source import DRAIN_S
from batwa_agent.exec.wrapper import Wrapped
from batwa_agent.multipass.multipass import Multipass
from batwa_common.errors import (
    DriverFailed,
    DriverUnavailable,
    InvalidRequest,
    Unavailable,
    VmNotFound,
    VmStateConflict,
)
from batwa_common.web.body import parse
from batwa_common.wire.exec import Exec, ExecResult
from batwa_common.wire.vm import CreateVm, Vm

BIN = Path(sys.executable).parent
WEB = Vm(id="vm-1", name="web", state="Running")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine with one VM, for all tests here."""
    return tmp_path_factory.mktemp("machine")


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "MULTIPASS_SIM_HOME": str(home), "MULTIPASS_SIM_LAUNCH_S": "0.1"}


@pytest.fixture
async def commands(home: Path, tmp_path: Path) -> Commands:
    env = environment(home)
    driver = Multipass(str(BIN / "multipass-sim"), scratch_dir=tmp_path, env=env)
    if "web" not in {vm.name for vm in await driver.list_vms()}:
        await driver.launch(CreateVm(name="web"), lambda _: None)
    return Commands(exec_argv=driver.command, env=env, limit=3)


async def run(commands: Commands, *command: str, **more: Any) -> ExecResult:
    return await commands.run(WEB, Exec(command=command, **more))


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 126, 127, 254, 255])
async def test_every_exit_code_comes_back_as_it_is(commands: Commands, code: int) -> None:
    told = await run(commands, "sh", "-c", f"echo out; echo err >&2; exit {code}")

    assert told == ExecResult(exit_code=code, stdout="out\n", stderr="err\n")


async def test_a_signal_is_told_as_shells_do(commands: Commands) -> None:
    assert (await run(commands, "sh", "-c", "kill -9 $$")).exit_code == 137


async def test_arguments_arrive_word_for_word(commands: Commands) -> None:
    words = ["a b", "it's", "$HOME", '"q"', "*", "", "; echo pwned", "-x", "--", "\n", "€"]

    told = await run(commands, "printf", "<%s>", *words)

    assert told.stdout == "".join(f"<{word}>" for word in words)


async def test_a_program_that_is_not_there(commands: Commands) -> None:
    told = await run(commands, "no-such-program")

    assert told.exit_code == 127 and "no-such-program" in told.stderr


async def test_input_is_read_to_its_end(commands: Commands) -> None:
    text = "€uro\n" * 100_000

    assert (await run(commands, "wc", "-c", stdin=text)).stdout.strip() == str(len(text.encode()))
    assert (await run(commands, "cat")).stdout == ""


async def test_input_that_nobody_reads_holds_nothing_up(commands: Commands) -> None:
    assert (await run(commands, "true", stdin="x" * 1_000_000)).exit_code == 0


async def test_output_is_kept_up_to_a_bound_and_read_to_its_end(commands: Commands) -> None:
    told = await run(commands, "sh", "-c", "head -c 3000000 /dev/zero; echo end >&2", output_bytes=1000)

    assert told.truncated and len(told.stdout) == 1000 and told.stderr == "end\n" and told.exit_code == 0


async def test_a_command_is_ended_when_its_time_is_up(commands: Commands) -> None:
    script = "echo begun; trap 'echo asked; exit 3' TERM; sleep 600 & wait"

    told = await run(commands, "sh", "-c", script, timeout_s=0.5)

    assert told.timed_out and told.stdout == "begun\nasked\n" and told.exit_code == 3


def alive(word: str) -> bool:
    """Whether a process on this machine, a simulated VM's included, has *word* in its command line."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in file.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


async def until(word: str, *, lives: bool) -> None:
    async with asyncio.timeout(15):
        while await asyncio.to_thread(alive, word) is not lives:
            await asyncio.sleep(0.1)


async def test_nothing_of_it_is_left_in_the_vm_when_time_is_up(commands: Commands) -> None:
    nap = f"604.{secrets.randbelow(10**9)}1"
    told = await run(commands, "sh", "-c", f"sleep {nap} & sleep {nap}", timeout_s=0.3)

    assert told.timed_out
    await until(nap, lives=False)


async def test_the_timer_of_a_quick_command_ends_with_it(tmp_path: Path) -> None:
    slow = tmp_path / "setsid"  # the command has ended before its timer has a process group
    slow.write_text(
        f'#!/bin/sh\ncase "$3" in sleep*) sleep 0.5 ;; esac\nexec {shutil.which("setsid")} "$@"\n'
    )
    slow.chmod(0o755)
    limit_s = 1000 + secrets.randbelow(10**6)
    wrapped = Wrapped(["true"], timeout_s=limit_s)

    child = await asyncio.create_subprocess_exec(
        *wrapped.argv, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, stdout=DEVNULL, stderr=DEVNULL
    )
    await child.wait()

    await until(f"{limit_s:.3f}", lives=False)


async def test_a_command_that_nobody_waits_for_is_ended_in_the_vm(commands: Commands) -> None:
    begun = asyncio.Event()

    async def show(_: Stream, data: bytes) -> None:
        assert data == b"here\n"
        begun.set()

    nap = f"605.{secrets.randbelow(10**9)}1"
    script = ["sh", "-c", f"echo here; sleep {nap}"]
    work = asyncio.ensure_future(
        commands.stream(WEB, script, timeout_s=3600, stdin=once(b""), on_output=show)
    )
    async with asyncio.timeout(20):
        await begun.wait()
    await until(nap, lives=True)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    await until(nap, lives=False)


async def test_what_a_command_leaves_running_does_not_hold_it_up(commands: Commands) -> None:
    began = time.monotonic()

    told = await run(commands, "sh", "-c", "sleep 20 & echo done; exit 4")

    assert told.exit_code == 4 and told.stdout == "done\n"
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("leaves", ["yes", "while echo y; do sleep 0.1; done"])
async def test_what_a_command_leaves_talking_does_not_hold_it_up_either(
    commands: Commands, leaves: str
) -> None:
    told = await run(commands, "sh", "-c", f"({leaves}) & exit 4", timeout_s=20)

    assert told.exit_code == 4 and not told.timed_out


async def stream_slowly(commands: Commands, pause_s: float, **more: Any) -> tuple[Outcome, int]:
    """Return how a command ended, and how much of its 200000 bytes was taken; the first take some time."""
    taken = 0

    async def show(_: Stream, data: bytes) -> None:
        nonlocal taken
        if not taken:
            await asyncio.sleep(pause_s)
        taken += len(data)

    script = ["head", "-c", "200000", "/dev/zero"]
    outcome = await commands.stream(WEB, script, stdin=once(b""), on_output=show, **more)
    return outcome, taken


async def test_a_slow_caller_loses_no_output_of_a_command_that_has_ended(commands: Commands) -> None:
    outcome, taken = await stream_slowly(commands, 1.5 * DRAIN_S, timeout_s=60)

    assert outcome == Outcome(0, timed_out=False) and taken == 200_000


async def test_a_caller_that_is_too_slow_is_not_told_that_all_is_well() -> None:
    commands = Commands(exec_argv=lambda _, argv: argv, env=dict(os.environ), limit=1, grace_s=0.2)

    outcome, taken = await stream_slowly(commands, 60, timeout_s=0.3)

    assert outcome == Outcome(None, timed_out=True) and not taken


async def test_output_that_nobody_takes_holds_the_command_back(commands: Commands) -> None:
    gate, taken = asyncio.Event(), 0

    async def show(_: Stream, data: bytes) -> None:
        nonlocal taken
        taken += len(data)
        await gate.wait()

    script = ["sh", "-c", "head -c 50000000 /dev/zero"]
    work = asyncio.ensure_future(commands.stream(WEB, script, timeout_s=60, stdin=once(b""), on_output=show))
    async with asyncio.timeout(20):
        while not taken:
            await asyncio.sleep(0.01)
    held = taken
    gate.set()

    assert (await work).exit_code == 0
    assert held < 1 << 20 and taken == 50_000_000


@pytest.mark.parametrize("state", ["Stopped", "Suspended", "Deleted", "Starting", "Unknown"])
async def test_a_vm_that_does_not_run_is_not_started_for_a_command(commands: Commands, state: str) -> None:
    with pytest.raises(VmStateConflict, match="start it first"):
        await commands.run(Vm.model_validate({**WEB.model_dump(), "state": state}), Exec(command=("true",)))


async def test_a_vm_that_is_not_there(commands: Commands) -> None:
    with pytest.raises(VmNotFound, match="does not exist"):
        await commands.run(Vm(id="vm-2", name="nowhere", state="Running"), Exec(command=("true",)))


async def test_there_is_a_most_at_once(commands: Commands) -> None:
    work = [asyncio.ensure_future(run(commands, "sleep", "1")) for _ in range(4)]
    told = await asyncio.gather(*work, return_exceptions=True)

    assert sum(isinstance(each, Unavailable) for each in told) == 1


async def test_a_connection_that_is_lost_is_no_exit_code() -> None:
    def argv(_: str, command: Sequence[str]) -> Sequence[str]:
        return ["sh", "-c", f"{shlex.join(command)} 2>/dev/null; exit 255"]

    commands = Commands(exec_argv=argv, env=dict(os.environ), limit=1)
    with pytest.raises(DriverFailed, match="connection"):
        await run(commands, "true")
    missing = Commands(exec_argv=lambda *_: ["/nowhere"], env={}, limit=1)
    with pytest.raises(DriverUnavailable):
        await run(missing, "true")


async def test_a_program_that_closes_its_output_and_stays_is_not_waited_for() -> None:
    nap = f"606.{secrets.randbelow(10**9)}1"
    commands = Commands(
        exec_argv=lambda *_: ["sh", "-c", f"exec sleep {nap} >&- 2>&-"], env=dict(os.environ), limit=1
    )

    with pytest.raises(DriverFailed, match="stayed"):
        async with asyncio.timeout(15):
            await run(commands, "true")

    await until(nap, lives=False)


@pytest.mark.parametrize(
    "body",
    ['{"command": []}', '{"command": ["a\\u0000b"]}', '{"command": "ls"}', '{"command": ["ls"], "x": 1}'],
)
def test_a_command_of_another_shape_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest):
        parse(body, Exec)


@given(st.lists(st.integers(min_value=1, max_value=300)), st.binary(max_size=300), st.binary(max_size=300))
def test_the_wrappers_words_are_taken_out_however_they_are_cut(
    cuts: list[int], out: bytes, err: bytes
) -> None:
    wrapped = Wrapped(["true"], timeout_s=1)
    word = wrapped.argv[4].encode()
    edges = sorted({0, 1000, *cuts})
    spinner = b"\x1b[2KStarting web |\x08" + word[:9]
    said = {
        "out": spinner + word + b" 42\n" + out,
        "err": spinner + word + b"\n" + err + word[:7] + word + b" 4 0\n" + err,
    }

    got_out = b"".join(wrapped.stdout(said["out"][a:b]) for a, b in pairwise(edges))
    got_err = b"".join(wrapped.stderr(said["err"][a:b]) for a, b in pairwise(edges))

    assert got_out == out and wrapped.pid == "42" and wrapped.said == spinner
    assert got_err == err + word[:7] + err and wrapped.exit_code == 4 and not wrapped.was_stopped


async def test_a_command_may_show_what_runs_around_it(commands: Commands) -> None:
    told = await run(commands, "sh", "-c", "ps -ef >&2; ps -ef; exit 3")

    assert told.exit_code == 3
    assert "exit 3" in told.stdout and "exit 3" in told.stderr


@given(st.text(alphabet="01 2x\n.", max_size=30), st.integers(min_value=1, max_value=40))
def test_only_what_is_written_as_the_wrapper_does_is_the_wrappers(text: str, step: int) -> None:
    wrapped = Wrapped(["true"], timeout_s=1)
    word = wrapped.argv[4].encode()
    mine = (
        word
        + b" 60.000 sh\n"
        + word
        + b"\n"
        + word
        + b" 7\n"
        + word
        + b" 7 2\n"
        + word
        + b"x"
        + text.encode()
    )
    before = word + b" 60.000\n" + word + b" 1 1 1\n"
    said = before + word + b"\n" + mine + word + b" 4 0\n"

    err = b"".join(wrapped.stderr(said[at : at + step]) for at in range(0, len(said), step))
    out = before + word + b" 42\n" + mine
    got = b"".join(wrapped.stdout(out[at : at + step]) for at in range(0, len(out), step))

    assert err == got == mine and wrapped.said == before
    assert wrapped.exit_code == 4 and wrapped.pid == "42"


def test_a_word_that_nothing_follows_is_told_at_the_end_and_holds_no_more_back() -> None:
    wrapped = Wrapped(["true"], timeout_s=1)
    word = wrapped.argv[4].encode()

    assert wrapped.stderr(word + b"\nhere: " + word) == b"here: "
    assert wrapped.stderr(b" 123456789 and so on, without end") == word + b" 123456789 and so on, without end"
    assert wrapped.stderr(word) == b"" and wrapped.stderr_rest() == word
