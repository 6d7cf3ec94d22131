"""One call on a real pseudo-terminal: what it says, how it ends, and that nothing of it stays behind."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from batwa_agent.multipass.calls import Answer, run
from batwa_common.errors import DriverFailed, DriverTimeout, DriverUnavailable

ENV = {"PATH": os.environ["PATH"], "HOME": "/"}


async def _python(code: str, *, deadline_s: float = 30, **options: Any) -> Answer:
    argv = [sys.executable, "-S", "-E", "-c", code]
    return await run(argv, what="multipass list", env=ENV, deadline_s=deadline_s, **options)


def _terminals() -> int:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum("ptmx" in str(link.readlink()) for link in links)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(autouse=True)
def nothing_stays_behind() -> Iterator[None]:
    """No terminal stays open and no child stays unreaped."""
    terminals, children = _terminals(), psutil.Process().children()
    yield
    assert _terminals() == terminals
    assert psutil.Process().children() == children


async def test_a_call_gets_a_wide_terminal_and_tells_its_exit_code() -> None:
    answer = await _python("import os, sys; print(os.get_terminal_size(), sys.stdin.isatty()); sys.exit(7)")
    assert answer.exit == 7
    assert b"columns=500, lines=24) True" in answer.output


async def test_output_comes_while_the_program_runs(tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    os.mkfifo(go_on)
    seen = asyncio.Event()
    call = asyncio.ensure_future(
        _python(
            f"print('one', flush=True); open({str(go_on)!r}).read(); print('two')",
            on_output=lambda _: seen.set(),
        )
    )
    async with asyncio.timeout(20):
        await seen.wait()
    assert not call.done()
    await asyncio.to_thread(go_on.write_text, "")
    assert (await call).output == b"one\r\ntwo\r\n"


async def test_a_silent_program_is_ended_at_its_deadline() -> None:
    with pytest.raises(DriverTimeout, match=r"multipass list has not answered for 0\.3 s"):
        await _python("import time; time.sleep(600)", deadline_s=0.3)


async def test_a_program_that_ignores_hang_up_and_term_is_killed() -> None:
    said = bytearray()
    code = (
        "import os, signal, time\n"
        "for s in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)\n"
        "print(os.getpid(), flush=True)\n"
        "while True: time.sleep(600)"
    )
    with pytest.raises(DriverTimeout):
        await _python(code, deadline_s=1.5, on_output=said.extend)
    assert _is_gone(int(said))


async def test_a_cancelled_call_ends_its_program() -> None:
    said = bytearray()
    started = asyncio.Event()

    def on_output(chunk: bytes) -> None:
        said.extend(chunk)
        started.set()

    call = asyncio.ensure_future(
        _python("import os, time; print(os.getpid(), flush=True); time.sleep(600)", on_output=on_output)
    )
    async with asyncio.timeout(20):
        await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert _is_gone(int(said))


async def test_a_call_cancelled_while_it_is_being_started_leaves_nothing() -> None:
    call = asyncio.ensure_future(_python("import time; time.sleep(600)"))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_program_killed_by_another_tells_the_signal() -> None:
    answer = await _python(
        "import os, signal; print('so far', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert answer == (-signal.SIGKILL, b"so far\r\n")


async def test_endless_output_is_stopped_at_the_limit() -> None:
    with pytest.raises(DriverFailed, match="multipass list said more than 64 KiB and was stopped"):
        await _python("while True: print('x' * 1000)", limit_bytes=64 << 10)


async def test_an_error_in_the_listener_ends_the_call_with_it() -> None:
    def on_output(chunk: bytes) -> None:
        raise LookupError(chunk)

    with pytest.raises(LookupError):
        await _python("import time; print('x', flush=True); time.sleep(600)", on_output=on_output)


async def test_a_program_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(DriverUnavailable, match=r"no-such-multipass is not there.*BATWA_AGENT_MULTIPASS"):
        await run(["no-such-multipass", "list"], what="multipass list", env=ENV, deadline_s=5)


async def test_a_program_whose_interpreter_is_gone_leaves_no_zombie(tmp_path: Path) -> None:
    program = tmp_path / "multipass"
    await asyncio.to_thread(program.write_text, "#!/no/such/interpreter\n")
    await asyncio.to_thread(program.chmod, 0o755)
    with pytest.raises(DriverUnavailable, match="is there and cannot be started"):
        await run([str(program), "list"], what="multipass list", env=ENV, deadline_s=5)


async def test_many_calls_at_once_do_not_mix() -> None:
    answers = await asyncio.gather(*(_python(f"print({n}); raise SystemExit({n})") for n in range(12)))
    assert answers == [(n, b"%d\r\n" % n) for n in range(12)]


DIES_BETWEEN_FORK_AND_EXEC = """
import asyncio, os, pty, signal, sys, time
signal.signal(signal.SIGHUP, lambda *_: None)  # a daemon reloads
fork, ours = pty.fork, os.getpid()
def forked_and_killed():
    pid, fd = fork()
    if pid:
        os.kill(ours, signal.SIGKILL)
    while os.getppid() == ours:
        time.sleep(0.01)
    return pid, fd
pty.fork = forked_and_killed
from batwa_agent.multipass.calls import run
os.write(int(sys.argv[1]), b"begun")
asyncio.run(run(["cat"], what="x", env=dict(os.environ), deadline_s=30))
"""


def test_an_agent_killed_between_fork_and_exec_leaves_no_copy_of_itself() -> None:
    reads, writes = os.pipe()
    with os.fdopen(reads, "rb") as told:
        argv = [sys.executable, "-c", DIES_BETWEEN_FORK_AND_EXEC, str(writes)]
        process = subprocess.Popen(argv, pass_fds=(writes,))
        os.close(writes)
        assert process.wait(30) == -signal.SIGKILL
        ready, _, _ = select.select([told], [], [], 30)
        assert ready and os.read(reads, 100) == b"begun"
        ready, _, _ = select.select([told], [], [], 10)
        assert ready, "the copy lives on, and holds what the agent held"
        assert told.read() == b""
