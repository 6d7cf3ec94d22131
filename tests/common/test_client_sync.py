"""The synchronous twin is the same client."""

import asyncio
import inspect

import pytest

from batwa_common.client import RESTClient, SyncRESTClient, SyncTerminal, Terminal
from batwa_common.errors import NotAuthenticated, NotFound

from .scripted import ScriptedHub, problem, told
from .test_client_events import event, stream
from .test_client_terminals import echo
from .test_client_vms import VM, operation


@pytest.mark.parametrize(("twin", "original"), [(SyncRESTClient, RESTClient), (SyncTerminal, Terminal)])
def test_the_twin_has_every_method(twin: type, original: type) -> None:
    wanted = {name for name, _ in inspect.getmembers(original) if not name.startswith("_")}

    assert wanted - set(dir(twin)) == set()


async def test_calls_and_failures_come_through(scripted: ScriptedHub) -> None:
    def use() -> None:
        with SyncRESTClient(scripted.url) as client:
            assert client.list_vms() == [VM]
            with pytest.raises(NotFound):
                client.get_vm("x")

    scripted.will(told({"vms": [VM]}), problem(404, "vm-not-found"))
    await asyncio.to_thread(use)


async def test_iterators_come_through(scripted: ScriptedHub) -> None:
    def use() -> None:
        with SyncRESTClient(scripted.url) as client:
            states = [each.state for each in client.follow_operation("op1")]
            assert states == ["running", "succeeded"]
            events = client.watch_events()
            assert next(events).id == 5
            with pytest.raises(NotAuthenticated):
                next(events)

    scripted.will(
        told(operation("running", 1)),
        told(operation("succeeded", 2)),
        stream(event(5)),
        problem(401, "not-authenticated"),
    )
    await asyncio.to_thread(use)


async def test_terminals_come_through(scripted: ScriptedHub) -> None:
    def use() -> None:
        with SyncRESTClient(scripted.url) as client, client.open_terminal("x", rows=3) as terminal:
            terminal.write(b"hello")
            assert terminal.read() == b"hello"
            terminal.write(b"exit")
            assert list(terminal) == []
            assert terminal.close_code == 1000

    scripted.will(echo)
    await asyncio.to_thread(use)
