"""What systemd is told and what it gives, played by a socket."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from batwa_common.service_manager import ServiceManager


class Listener:
    """The other end of the notify socket."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(self.address)

    async def heard(self) -> list[str]:
        async with asyncio.timeout(10):
            return (await asyncio.get_running_loop().sock_recv(self._socket, 4096)).decode().split("\n")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(tmp_path / "notify")
    yield listener
    listener.close()


async def test_it_hears_of_start_status_and_end(systemd: Listener) -> None:
    manager = ServiceManager(systemd.address)
    await manager.ready("Serving")
    await manager.stopping()
    assert await systemd.heard() == ["READY=1", "STATUS=Serving"]
    assert await systemd.heard() == ["STOPPING=1", "STATUS=Stopping"]


async def test_the_watchdog_is_fed_and_the_status_told_when_it_changes(systemd: Listener) -> None:
    status = "all well"
    task = asyncio.create_task(ServiceManager(systemd.address, watchdog_s=0.03).attend(lambda: status))
    assert await systemd.heard() == ["WATCHDOG=1", "STATUS=all well"]
    assert await systemd.heard() == ["WATCHDOG=1"]
    status = "less so"
    while "STATUS=less so" not in await systemd.heard():
        pass
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nobody_is_told_where_nobody_listens(tmp_path: Path) -> None:
    await ServiceManager().ready("Serving")
    await ServiceManager().attend(str)
    await ServiceManager(str(tmp_path / "gone")).ready("Serving")


def test_what_is_passed_is_for_this_process_only_and_its_children_see_none_of_it(tmp_path: Path) -> None:
    env = {
        "LISTEN_FDS": "1",
        "LISTEN_PID": "1",
        "LISTEN_FDNAMES": "terminal-k1",
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": "1",
        "NOTIFY_SOCKET": str(tmp_path),
        "HOME": "/",
    }
    manager = ServiceManager.of(env, 2)
    assert env == {"HOME": "/"}
    assert manager.listens and not manager.take_fds("terminal-")


def test_sockets_and_other_descriptors_go_to_who_wants_them() -> None:
    reading, writing = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as server:
        manager = ServiceManager(fds={"terminal-k1": [reading], "http": [os.dup(server.fileno())]})
        [taken] = manager.take_sockets()
        assert taken.getsockname() == server.getsockname()
        assert manager.take_fds("terminal-") == {"terminal-k1": reading}
        assert not manager.take_sockets() and not manager.take_fds("")
        taken.close()
    os.close(reading)
    os.close(writing)
