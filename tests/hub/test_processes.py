"""Two hub processes on one database: what one knows the other knows, and each operation has one of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient
from cryptography.fernet import Fernet
from pydantic import TypeAdapter

from batwa_common.errors import AgentUnreachable
from batwa_common.web.dial import Dial, MakeProtocol
from batwa_common.wire.base import utc_now as _now
from batwa_common.wire.link import DialOrder, link_url
from batwa_hub.app import make_app
from batwa_hub.hub import Hub, running
from batwa_hub.services.events import note_crash
from batwa_hub.services.processes import DEAD_AFTER, OtherAuthority, Processes
from batwa_hub.settings import Settings
from batwa_hub.store.tables import events, operations, processes
from tests.postgres import Server as Postgres

from .conftest import PASSWORD, Server
from .fleet_fakes import beat, register, vm
from .link_fakes import Machine, linked

TOLD: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
LOGIN = {"username": "admin", "password": PASSWORD}


class Member(NamedTuple):
    """One process, and a client of it."""

    hub: Hub
    client: TestClient[Any, Any]
    stack: AsyncExitStack


class Pair:
    """Two processes, served, with one admin logged in at both."""

    def __init__(self, members: list[Member]) -> None:
        self.hubs = [member.hub for member in members]
        self.one, self.two = (member.client for member in members)
        self.stop_one = members[0].stack.aclose


async def eventually(what: Callable[[], Awaitable[bool]]) -> None:
    """Wait until *what* is so: processes hear of each other by the database."""
    async with asyncio.timeout(30):
        while not await what():
            await asyncio.sleep(0.05)


@pytest.fixture
def settings_of_both(postgres: Postgres, tmp_path: Path) -> list[Settings]:
    """One database, one key file, as the documentation tells."""
    key, url = Fernet.generate_key(), postgres.new_database()
    for name in ("one", "two"):
        (tmp_path / name).mkdir(mode=0o700)
        (tmp_path / name / "secret.key").write_bytes(key)
        (tmp_path / name / "secret.key").chmod(0o600)
    return [Settings.load({"data_dir": tmp_path / name, "database_url": url}) for name in ("one", "two")]


@pytest.fixture
async def pair(settings_of_both: list[Settings]) -> AsyncIterator[Pair]:
    members: list[Member] = []
    async with AsyncExitStack() as outer:
        for settings in settings_of_both:
            stack = await outer.enter_async_context(AsyncExitStack())
            hub = await stack.enter_async_context(running(settings))
            server = Server(make_app(hub))
            jar = aiohttp.CookieJar(unsafe=True)
            client = await stack.enter_async_context(TestClient(server, cookie_jar=jar))
            await hub.processes.listen_at(str(server.make_url("")).rstrip("/"))
            members.append(Member(hub, client, stack))
        await members[0].hub.accounts.add_first(PASSWORD)
        for member in members:
            assert (await member.client.post("/api/auth/login", json=LOGIN)).status == 200
        yield Pair(members)


async def states(client: TestClient[Any, Any]) -> dict[str, str]:
    told = await (await client.get("/api/vm/list")).json()
    return {each["name"]: each["state"] for each in told["vms"]}


async def test_what_one_is_told_the_other_shows(pair: Pair) -> None:
    headers = await register(pair.one, "oslo", features=("inventory",))
    told = {"epoch": "e", "revision": 1, "vms": [vm("a").model_dump()]}
    await beat(pair.one, "oslo", headers, told)

    # a heartbeat to the other builds on what the first was told, whether it has heard of it yet or not
    more = {"epoch": "e", "revision": 2, "base": 1, "vms": [vm("b", "Stopped").model_dump()]}
    answer = await beat(pair.two, "oslo", headers, more)

    assert answer["inventory"] == {"epoch": "e", "revision": 2}
    both = {"a": "Running", "b": "Stopped"}
    await eventually(lambda: _is(states(pair.two), both))
    await eventually(lambda: _is(states(pair.one), both))
    await pair.two.patch("/api/agent/oslo", json={"name": "Oslo I"})
    await register(pair.one, "oslo", features=("inventory",))  # which does not undo what the other was told
    shown = await (await pair.one.get("/api/agent/list")).json()
    assert [agent["hostname"] for agent in shown] == ["Oslo I"]


async def _is(asked: Awaitable[object], wanted: object) -> bool:
    return await asked == wanted


async def test_watchers_of_each_see_what_is_told_to_either_in_one_order(pair: Pair) -> None:
    since = [await hub.events.position() for hub in pair.hubs]
    for n in range(20):
        await pair.hubs[n % 2].events.publish("vm", "changed", f"oslo/{n}", None)

    one, two = [await follow(hub, position) for hub, position in zip(pair.hubs, since, strict=True)]
    assert one == two and {subject for _, subject in one} == {f"oslo/{n}" for n in range(20)}


async def follow(hub: Hub, position: int) -> list[tuple[int, str]]:
    """Return the 20 events of VMs that come after *position*."""
    seen: list[tuple[int, str]] = []
    async with asyncio.timeout(20):
        while len(seen) < 20:
            batch = await hub.events.after(position)
            assert not batch.missed
            seen += [(event.id, event.subject) for event in batch.events if event.kind == "vm"]
            position = batch.position
    return seen


async def test_an_agent_linked_to_one_is_called_through_it_by_the_other(pair: Pair) -> None:
    headers = await register(pair.one, "oslo", api_url=link_url("oslo"))
    at, key, machine = str(pair.one.make_url("")).rstrip("/"), headers["X-API-Key"], Machine("oslo")
    one, two = pair.hubs
    async with linked(machine, at, agent_id="oslo", api_key=key):
        await eventually(lambda: _true(one.links.is_up("oslo") and two.registry.find_row("oslo") is not None))
        told = [await two.directory.http("oslo").call("GET", "/name", TOLD) for _ in range(3)]
        assert told == [{"name": "oslo", "key": key}] * 3
        assert len(machine.connections) == 1  # carried once, and kept

        under_way = asyncio.create_task(two.directory.http("oslo").call("POST", "/wait", TOLD, wait_s=20))
        await machine.asked.wait()
        machine.released.set()
        assert await under_way == {"name": "oslo"}
    with pytest.raises(AgentUnreachable, match="is not linked"):
        await two.directory.http("oslo").call("GET", "/name", TOLD)


async def test_what_an_agent_dials_may_come_to_either(pair: Pair) -> None:
    headers = await register(pair.one, "oslo", api_url=link_url("oslo"), features=("inventory",))
    machine, (one, two) = Machine("oslo"), pair.hubs
    runner = web.AppRunner(machine.app, shutdown_timeout=1)
    await runner.setup()
    assert runner.server is not None and not two.neighbours.carries
    async with pair.one.ws_connect("/api/agent/link", headers=headers) as control:
        dialling = asyncio.create_task(dial_at(pair.two, control, headers["X-API-Key"], runner.server))
        assert (await one.directory.http("oslo").call("GET", "/name", TOLD))["name"] == "oslo"
        assert two.neighbours.carries
    await dialling
    await runner.cleanup()


async def dial_at(
    client: TestClient[Any, Any],
    control: aiohttp.ClientWebSocketResponse,
    api_key: str,
    serve: MakeProtocol,
) -> None:
    """Dial what is asked for on *control* at another process, until the link ends."""
    at, dialled = client.make_url(""), []
    async for message in control:
        order = DialOrder.model_validate_json(message.data)
        asked = f"GET /api/agent/dial/{order.token} HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\n"
        head = f"{asked}Upgrade: batwa-link\r\nX-API-Key: {api_key}\r\n\r\n".encode()
        for _ in range(order.dial):
            dial = partial(Dial, head, serve)
            transport, one = await asyncio.get_running_loop().create_connection(dial, at.host, at.port)
            dialled.append(transport)
            with suppress(ConnectionRefusedError):  # the link may have ended meanwhile
                await one.served
    for each in dialled:
        each.abort()


async def _true(value: object) -> bool:
    return bool(value)


async def test_a_stranger_cannot_call_agents_through_a_process(pair: Pair) -> None:
    way = "/api/process/dial/oslo"
    for proof in ("", "nonsense", pair.hubs[0].neighbours._cipher.encrypt(b"something else").decode()):
        headers = {"Upgrade": "batwa-link", "Connection": "Upgrade", "X-Batwa-Process": proof}
        assert (await pair.one.get(way, headers=headers)).status == 401


async def test_a_login_ended_at_one_ends_at_the_other(pair: Pair) -> None:
    headers, bare = {"Cookie": f"session_id={_cookie(pair.one)}"}, aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(pair.two.make_url(""), headers=headers, cookie_jar=bare) as two:
        assert await _status(two) == 200
        assert (await pair.one.post("/api/auth/logout")).status == 200
        await eventually(lambda: _is(_status(two), 401))


def _cookie(client: TestClient[Any, Any]) -> str:
    return next(each.value for each in client.session.cookie_jar if each.key == "session_id")


async def _status(client: aiohttp.ClientSession) -> int:
    return (await client.get("/api/agent/list")).status


async def test_one_that_stops_leaves_its_operations_to_the_other_and_one_that_dies_too(pair: Pair) -> None:
    one, two = pair.hubs
    row = {"id": "op-1", "kind": "start", "vm_name": "a", "agent_id": "oslo", "agent_hostname": "oslo"}
    row |= {"state": "running", "requested_by": "x", "created_at": _now(), "revision": 1, "log": []}
    row |= {"command": {"kind": "start", "name": "a"}, "submitted": True}
    async with two.database.writing() as connection:
        await connection.execute(sa.insert(operations).values(owner=one.processes.id, **row))
        await connection.execute(sa.insert(operations).values(owner="died long ago", **{**row, "id": "op-2"}))

    await eventually(lambda: _owner(two, "op-2", {one.processes.id, two.processes.id}))
    assert await _owner(two, "op-1", {one.processes.id})  # while it lives, nobody takes it
    await pair.stop_one()
    await eventually(lambda: _owner(two, "op-1", {two.processes.id}))
    async with two.database.reading() as connection:
        assert (await connection.scalars(sa.select(processes.c.id))).all() == [two.processes.id]
        crashed = sa.select(events.c.id).where(events.c.action == "crashed")
        assert not (await connection.scalars(crashed)).all()  # it stopped in good order


async def _owner(hub: Hub, operation_id: str, wanted: set[str]) -> bool:
    async with hub.database.reading() as connection:
        one = sa.select(operations.c.owner).where(operations.c.id == operation_id)
        return await connection.scalar(one) in wanted


async def test_one_with_another_ca_is_refused(pair: Pair) -> None:
    first, same, other = [
        Processes(pair.hubs[0].database, version="1", on_lost=note_crash, ca=lambda ca=ca: ca)
        for ca in ("aa", "aa", "bb")
    ]
    await first.join()
    await same.join()
    with pytest.raises(OtherAuthority, match=r"Copy tls/authority\.pem"):
        await other.join()
    assert [each.id for each in same.others if each.id == other.id] == []


async def test_when_one_dies_watchers_of_the_other_are_told_that_something_may_be_missing(pair: Pair) -> None:
    two = pair.hubs[1]
    position = await two.events.position()
    async with two.database.writing() as connection:
        ghost = {"id": "ghost", "url": "http://127.0.0.1:9", "version": "1", "started_at": _now()}
        await connection.execute(sa.insert(processes).values(**ghost, seen_at=_now() - 2 * DEAD_AFTER))
    async with asyncio.timeout(20):
        while not (batch := await two.events.after(position)).missed:
            position = batch.position
