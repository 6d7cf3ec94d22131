"""Three hub processes on one database behind nginx, under load: replaced one by one, and one killed."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from batwa_common import __version__
from tests.postgres import server as postgres_server

from .fleet import BIN
from .several import ENOUGH_S, Hubs, Load, load
from .test_terminals import Screen, call, watch

pytestmark = pytest.mark.timeout(500)  # three hubs that start six times, on a machine that may be busy

COUNTING = "n=0; while sleep 0.05; do n=$((n+1)); echo line-$n; done\n"


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hubs]:
    directory = tmp_path_factory.mktemp("hubs")
    with postgres_server() as postgres, Hubs(directory, postgres.new_database()) as hubs:
        yield hubs


@asynccontextmanager
async def watching(load: Load, hubs: Hubs, vm: str) -> AsyncIterator[None]:
    """A terminal in which a shell counts is watched meanwhile; in the end each number was seen, once."""
    async with hubs.admin() as session:
        terminal = await call(session, "POST", "/api/terminals", {"vm_name": vm})
        screen = await watch(session, f"terminal_id={terminal['id']}")
        await screen.type(COUNTING)
        await screen.until(b"line-1\r\n", ENOUGH_S)
        task = asyncio.create_task(load.watch(screen, terminal["id"]))
        try:
            yield
            await seen_more(screen)
        finally:
            task.cancel()
        numbers = [int(each) for each in re.findall(rb"line-(\d+)\r", screen.seen)]
        assert numbers == list(range(1, len(numbers) + 1))


async def seen_more(screen: Screen) -> None:
    had = screen.offset
    async with asyncio.timeout(ENOUGH_S):
        while screen.offset < had + 200:
            await asyncio.sleep(0.05)


async def test_replacing_one_after_the_other_fails_no_request(hubs: Hubs) -> None:
    async with load(hubs, "rolling") as users, watching(users, hubs, "rolling-0"):
        for hub in hubs.hubs:
            assert await asyncio.to_thread(hub.stop) == 0
            await asyncio.to_thread(hub.start)
    assert not users.failed, f"{len(users.failed)} of {users.asked}: {users.failed[:3]}"


async def test_killing_one_of_three_loses_nothing_that_was_acknowledged(hubs: Hubs) -> None:
    async with load(hubs, "killed") as users:
        hubs.hubs[1].kill()
    await asyncio.to_thread(hubs.hubs[1].start)
    assert len(users.failed) < users.asked / 2, users.failed[:5]


async def test_status_lists_all_processes(hubs: Hubs) -> None:
    async with asyncio.timeout(ENOUGH_S):
        while "links: 1\n" not in (said := await status(hubs)):
            await asyncio.sleep(0.5)
    listed = re.findall(rf"  (\S+)  {re.escape(__version__)}  since \S+ \S+  seen \d+ s ago", said)
    assert sorted(listed) == sorted(hubs.urls), said


async def test_a_terminal_outlives_the_process_that_has_the_link(hubs: Hubs) -> None:
    async with hubs.admin() as session:
        await call(session, "POST", "/api/vm/create", {"name": "far", "agent_id": "oslo"})
        holder = hubs.urls.index(re.findall(r"  (\S+)  .*links: 1\n", await status(hubs))[0])
        other = hubs.urls[holder - 1]
        async with aiohttp.ClientSession(other, cookie_jar=session.cookie_jar) as there:
            terminal = (await call(there, "POST", "/api/terminals", {"vm_name": "far"}))["id"]
            screen = await watch(there, f"terminal_id={terminal}")
            await screen.socket.send_json({"type": "resize", "rows": 31, "cols": 97})
            await screen.type("stty size; kept=$((6*7))\n")
            await screen.until(b"31 97\r\n", ENOUGH_S)
            hubs.hubs[holder].kill()
            await screen.closed(ENOUGH_S)
            again = await attached(there, f"terminal_id={terminal}&offset={screen.offset}")
            assert again.hello["offset"] == screen.offset
            await again.type("echo kept-$kept\n")
            await again.until(b"kept-42\r\n", ENOUGH_S)
    await asyncio.to_thread(hubs.hubs[holder].start)


async def attached(session: aiohttp.ClientSession, query: str) -> Screen:
    """Attach as soon as the agent is linked again, which whoever was killed could not tell it."""
    async with asyncio.timeout(ENOUGH_S):
        while True:
            try:
                screen = await watch(session, query)
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0.2)
            else:
                while screen.hello is None:
                    assert await screen.take()
                return screen


async def status(hubs: Hubs) -> str:
    asked = await asyncio.create_subprocess_exec(
        BIN / "batwa-hub", "status", env=hubs.hubs[0].env, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asked.communicate()
    assert asked.returncode == 0, said
    return said.decode()
