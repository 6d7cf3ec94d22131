"""Who keeps terminals while agents come and go: the holder, and systemd, played by a socket."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from batwa_agent.terminals.child import hang_up
from batwa_agent.terminals.fd_store import FdStore, Orphan
from batwa_agent.terminals.holder_keeper import HolderKeeper
from batwa_agent.terminals.keeper import Keeper, Kept
from batwa_agent.terminals.proc import began, is_running
from batwa_agent.terminals.record import Record
from batwa_common.service_manager import ServiceManager
from batwa_common.wire.base import utc_now

ENV = {"PATH": os.environ["PATH"]}


async def record(key: str, pid: int | None = None) -> Record:
    return Record(
        id=f"here~{key}",
        vm_name="a",
        rows=24,
        cols=80,
        created_at=utc_now(),
        linger_s=60,
        pid=pid,
        pid_began=None if pid is None else await asyncio.to_thread(began, pid),
    )


async def gone(pid: int) -> None:
    """Wait until that process has ended, reaped or not."""
    async with asyncio.timeout(10):
        while await asyncio.to_thread(is_running, pid):
            await asyncio.sleep(0.01)


async def read(master: int, text: bytes) -> bytes:
    """Return what comes from a terminal, up to *text*."""
    seen = b""
    async with asyncio.timeout(10):
        while text not in seen:
            try:
                seen += os.read(master, 4096)
            except BlockingIOError:
                await asyncio.sleep(0.01)
    return seen


@asynccontextmanager
async def holder(directory: Path) -> AsyncIterator[Callable[[], HolderKeeper]]:
    """Give what makes agents' ends; at the end the holder is told to go, and does."""
    yield lambda: HolderKeeper(directory, orphan_s=60)
    (directory / "holder.sock").unlink(missing_ok=True)
    for _ in range(1000):
        if not [p for p in psutil.process_iter(["cmdline"]) if str(directory) in (p.info["cmdline"] or [])]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the holder is still there")


async def test_a_shell_goes_on_from_one_agent_to_the_next(tmp_path: Path) -> None:
    async with holder(tmp_path) as agent:
        first = agent()
        assert await first.adopt([]) == {}
        argv = ["sh", "-c", "echo ready; read x; echo got $x; exit 5"]
        started = await first.start("k1", argv, rows=30, cols=90, env=ENV)
        await read(started.master, b"ready")
        await first.close()
        os.close(started.master)
        second = agent()
        kept = (await second.adopt([await record("k1")]))["k1"]
        assert kept.child.pid == started.child.pid
        assert os.get_terminal_size(kept.master) == (90, 30)
        os.write(kept.master, b"this\n")
        await read(kept.master, b"got this")
        assert await kept.child.ended(10)
        assert kept.child.exit_code == 5
        os.close(kept.master)
        await second.forget("k1")
        await second.close()


async def test_an_end_between_two_agents_is_told_to_the_second(tmp_path: Path) -> None:
    async with holder(tmp_path) as agent:
        first = agent()
        started = await first.start(
            "k1", ["sh", "-c", "read x; echo last words; exit 4"], rows=2, cols=9, env=ENV
        )
        await first.close()
        os.write(started.master, b"\n")
        os.close(started.master)
        await gone(started.child.pid)
        second = agent()
        kept = (await second.adopt([await record("k1")]))["k1"]
        assert await kept.child.ended(5) and kept.child.exit_code == 4
        assert b"last words" in await read(kept.master, b"words")
        os.close(kept.master)
        await second.close()


async def test_a_long_command_line_and_what_is_asked_meanwhile_reach_the_holder_whole(tmp_path: Path) -> None:
    async with holder(tmp_path) as agent:
        keeper = agent()
        first = await keeper.start("k1", ["sleep", "60"], rows=2, cols=9, env=ENV)
        argv = ["sh", "-c", "echo $#; read x", "sh", *["x" * 1000] * 900]
        starting = asyncio.ensure_future(keeper.start("k2", argv, rows=2, cols=9, env=ENV))
        for _ in range(40):
            await asyncio.sleep(0)
            await keeper.forget("nobody")
        second = await starting
        await read(second.master, b"900")
        first.child.signal(signal.SIGHUP)
        assert await first.child.ended(10) and first.child.exit_code == 128 + signal.SIGHUP
        for started in (first, second):
            os.close(started.master)
        for key in ("k1", "k2"):
            await keeper.forget(key)
        await keeper.close()


async def test_the_holder_outlives_who_speaks_no_word_of_its_language(tmp_path: Path) -> None:
    async with holder(tmp_path) as agent:
        first = agent()
        started = await first.start("k1", ["sleep", "60"], rows=2, cols=9, env=ENV)
        await first.close()
        os.close(started.master)
        for words in (b"{no json}\n", b"[]\n", b'{"do": "dance"}\n', b'{"do": "signal", "key": "k1"}\n'):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "holder.sock"))
            writer.write(words)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        second = agent()
        kept = (await second.adopt([await record("k1")]))["k1"]
        assert kept.child.pid == started.child.pid
        await hang_up(kept.child)
        os.close(kept.master)
        await second.forget("k1")
        await second.close()


async def test_what_no_agent_knows_is_hung_up(tmp_path: Path) -> None:
    async with holder(tmp_path) as agent:
        first = agent()
        started = await first.start("k1", ["sleep", "60"], rows=2, cols=9, env=ENV)
        await first.close()
        os.close(started.master)
        second = agent()
        assert await second.adopt([await record("other")]) == {}
        await gone(started.child.pid)
        await second.close()


async def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with holder(tmp_path) as agent:
        keeper = agent()
        with pytest.raises(OSError, match="not an executable"):
            await keeper.start("k1", ["no-such-program"], rows=2, cols=9, env=ENV)
        await keeper.close()


async def test_a_holder_that_is_killed_takes_no_shell_with_it_and_is_replaced(tmp_path: Path) -> None:
    async with holder(tmp_path) as agent:
        keeper = agent()
        started = await keeper.start("k1", ["cat"], rows=2, cols=9, env=ENV)
        psutil.Process(psutil.Process(started.child.pid).ppid()).kill()
        while keeper.is_connected:
            await asyncio.sleep(0.01)
        os.write(started.master, b"still here\n")
        await read(started.master, b"still here")
        other = await keeper.start("k2", ["sh", "-c", "exit 3"], rows=2, cols=9, env=ENV)
        assert await other.child.ended(10) and other.child.exit_code == 3
        started.child.signal(signal.SIGKILL)
        assert await started.child.ended(10) and started.child.exit_code is None
        os.close(started.master)
        os.close(other.master)
        await keeper.close()


async def test_a_directory_with_a_long_name_will_do(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 40)
    directory.mkdir()
    async with holder(directory) as agent:
        keeper = agent()
        started = await keeper.start("k1", ["sh", "-c", "kill -9 $$"], rows=2, cols=9, env=ENV)
        assert await started.child.ended(10) and started.child.exit_code == 128 + 9
        os.close(started.master)
        await keeper.close()


class FakeSystemd:
    """The notify socket and the store behind it (sd_notify(3))."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.store: dict[str, int] = {}
        self.heard: list[str] = []

    def hear(self) -> None:
        """Take all messages."""
        self.socket.setblocking(False)
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
            except BlockingIOError:
                return
            self.heard.append(data.decode())
            lines = dict(line.split("=", 1) for line in data.decode().splitlines())
            if lines.get("FDSTORE") == "1":
                self.store[lines["FDNAME"]] = fds[0]
            elif lines.get("FDSTOREREMOVE") == "1":
                os.close(self.store.pop(lines["FDNAME"]))


async def test_systemd_is_given_each_terminal_and_gives_it_back(tmp_path: Path) -> None:
    systemd = FakeSystemd(tmp_path / "notify")
    address = str(tmp_path / "notify")
    first = FdStore(ServiceManager(address))
    started = await first.start("k1", ["sh", "-c", "read x; echo got $x; sleep 60"], rows=2, cols=9, env=ENV)
    stray = await first.start("k2", ["cat"], rows=2, cols=9, env=ENV)
    systemd.hear()
    assert sorted(systemd.store) == ["terminal-k1", "terminal-k2"]
    assert all("FDPOLL=0" in message for message in systemd.heard)
    os.close(started.master)
    os.close(stray.master)
    passed = {name: [os.dup(fd)] for name, fd in systemd.store.items()}
    second: Keeper = FdStore(ServiceManager(address, fds=passed | {"something-else": [-1]}))
    kept = (await second.adopt([await record("k1", started.child.pid)]))["k1"]
    systemd.hear()
    assert list(systemd.store) == ["terminal-k1"]  # what nobody knows is let go, and hung up by that
    os.write(kept.master, b"this\n")
    await read(kept.master, b"got this")
    await the_end_of(kept, started.child.ended)
    await stray.child.ended(5)
    await second.forget("k1")
    systemd.hear()
    assert systemd.store == {}
    systemd.socket.close()


async def the_end_of(kept: Kept, reap: Callable[[float], object]) -> None:
    """Hang up a process whose parent is, unlike in life, still here to reap it."""
    assert isinstance(kept.child, Orphan)
    os.close(kept.master)
    await hang_up(kept.child)
    assert kept.child.exit_code is None
    await reap(1.0)  # type: ignore[misc]


def test_a_pid_that_belongs_to_another_process_now_is_left_alone() -> None:
    child = Orphan.find(os.getpid(), "1")
    child.signal(signal.SIGKILL)  # would be the end of this test
