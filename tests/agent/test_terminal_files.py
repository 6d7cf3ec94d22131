"""Terminals whose files are in trouble: the agent lives on, says so, and leaks nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from batwa_agent.agent import Agent, running
from batwa_agent.settings import Settings
from batwa_agent.terminals.log_file import open_log
from batwa_agent.terminals.proc import is_running
from batwa_agent.terminals.record import log_path
from batwa_agent.terminals.terminal import Terminal
from batwa_common.errors import DriverUnavailable
from batwa_common.wire.terminal import OpenTerminal
from tests.agent.fakes import FakeDriver

Life = Callable[[], AbstractAsyncContextManager[Agent]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"agent_id": "here", "api_key": "secret", "data_dir": tmp_path / "data"})


@pytest.fixture
async def life(settings: Settings) -> AsyncIterator[Life]:
    """Give what runs one agent after another on the same directory, with the holder between them."""

    @asynccontextmanager
    async def agent() -> AsyncIterator[Agent]:
        driver = FakeDriver(a="Running")
        driver.argv = ("sleep", "600")
        async with running(settings, driver) as agent:
            await agent.watcher.look()
            yield agent

    yield agent
    (directory(settings) / "holder.sock").unlink(missing_ok=True)


def directory(settings: Settings) -> Path:
    return settings.data_dir / "terminals"


def terminals_held() -> int:
    """Return how many master sides this process has open."""
    held = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # it was what lists them
            held += "ptmx" in str(link.readlink())
    return held


async def opened(agent: Agent, *, ends_with_viewer: bool = False) -> Terminal:
    return await agent.terminals.open(
        agent.machine.vm("a"), OpenTerminal(vm_name="a"), by="ada", ends_with_viewer=ends_with_viewer
    )


async def test_a_terminal_whose_log_has_no_room_leaves_nothing_behind(life: Life) -> None:
    async with life() as agent:
        agent.terminals.bounds = replace(agent.terminals.bounds, keep_bytes=1 << 60)
        before = await asyncio.to_thread(terminals_held)
        for _ in range(3):
            with pytest.raises(DriverUnavailable):
                await opened(agent)

        assert await asyncio.to_thread(terminals_held) == before
        assert not agent.terminals.all()


@pytest.mark.parametrize("content", [None, b"", b"cut short", bytes(5000)])
async def test_a_terminal_whose_log_is_lost_is_hung_up_by_the_next_agent(
    life: Life, settings: Settings, content: bytes | None
) -> None:
    async with life() as agent:
        terminal = await opened(agent)
        record = terminal.record
        async with asyncio.timeout(10):
            while not (directory(settings) / f"{record.key}.json").exists():
                await asyncio.sleep(0.01)
    path = log_path(directory(settings), record.key)
    await asyncio.to_thread(path.unlink if content is None else lambda: path.write_bytes(content or b""))

    async with life() as agent:
        assert not agent.terminals.all()
        assert record.pid is not None and not await asyncio.to_thread(is_running, record.pid)
        assert await asyncio.to_thread(terminals_held) == 0


async def test_files_that_cannot_be_removed_end_no_agent(life: Life, settings: Settings) -> None:
    async with life() as agent:
        terminal = await opened(agent, ends_with_viewer=True)
        path = log_path(directory(settings), terminal.record.key)
        await asyncio.to_thread(path.rename, path.with_suffix(".away"))
        await asyncio.to_thread(path.mkdir)  # what unlink refuses, for root too
        with capture_logs() as logs:
            agent.terminals.comes(terminal)
            await agent.terminals.left(terminal, on_purpose=True)

    assert "terminal.not_removed" in {each["event"] for each in logs}


def test_a_log_that_is_cut_short_is_none(tmp_path: Path) -> None:
    file = tmp_path / "x.log"
    file.write_bytes(bytes(4096))
    with pytest.raises(ValueError, match="short"):
        open_log(file)
