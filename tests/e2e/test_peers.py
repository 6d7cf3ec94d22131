"""Two hubs on machines of their own, one with its own CA, that know nothing of each other but a network."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import pytest

from .namespaces import Admin, Machine, joined

WITHIN_S = 20.0
pytestmark = pytest.mark.timeout(120)


class Two(NamedTuple):
    """The machines `oslo` and `rome`."""

    oslo: Machine
    rome: Machine


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with contextlib.ExitStack() as stack:
        try:
            places = stack.enter_context(joined())
        except OSError as err:
            reason = f"no network namespaces can be made here: {err}"
            sys.stderr.write(f"\n{reason}\n")
            pytest.skip(reason)
        directory = tmp_path_factory.mktemp("peers")
        machines = [
            Machine(place, directory / name, name, tls=name == "oslo")
            for place, name in zip(places, Two._fields, strict=True)
        ]
        for machine in machines:
            stack.callback(machine.end)
            machine.start_hub()
            machine.add_agent()
        yield Two(*machines)


async def until(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if found := await look():
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"{what}: not within {WITHIN_S:g} s")


async def until_agent_is_online(admin: Admin) -> None:
    async def online() -> bool:
        return any(agent["status"] == "online" for agent in await admin.ask("GET", "/api/agent/list"))

    await until(online, "the agent is online")


async def test_two_hubs_find_each_other_pair_and_work_across(two: Two) -> None:
    async with two.oslo.admin() as oslo, two.rome.admin() as rome:
        at_oslo = await oslo.ask("POST", "/api/p2p/start")
        at_rome = await rome.ask("POST", "/api/p2p/start")
        assert at_oslo["address"] == two.oslo.place.address and at_oslo["status"] == "started"

        async def candidates() -> Any:
            return (await rome.ask("GET", "/api/p2p/candidates"))["candidates"]

        (found,) = await until(candidates, "oslo is found by mDNS")
        assert (found["id"], found["name"], found["source"]) == (at_oslo["id"], "oslo", "mdns")
        assert found["fingerprint"] == (await oslo.ask("GET", "/api/p2p/info"))["fingerprint"]

        made = await oslo.ask("POST", "/api/p2p/pairing-codes", {"role": "operator"})
        peer = await rome.ask("POST", "/api/p2p/pair", {"peer_id": found["id"], "code": made["code"]})
        assert (
            peer["name"] == "oslo" and peer["url"] == two.oslo.url == f"https://{two.oslo.place.address}:8000"
        )

        await until_agent_is_online(oslo)
        there = f"/api/remote/{found['id']}/vm"
        new = {"name": "far", "image": "ubuntu-22.04", "memory": 1024, "disk_size": 5}
        created = await rome.ask("POST", there, new)
        assert (created["success"], created["peer_id"]) == (True, found["id"])
        listed = await rome.ask("GET", there)
        assert [(vm["id"], vm["status"]) for vm in listed["vms"]] == [(created["vm_id"], "running")]

        hello = {"peer_id": "rome", "message_type": "HELLO", "data": {}}
        told = await oslo.ask("POST", "/api/p2p/message", hello)
        assert told == {"response": {"status": "ok", "message": "Hello received"}}
        assert [
            p["id"] for p in (await oslo.ask("GET", "/api/p2p/peers"))["peers"] if p["kind"] == "hub"
        ] == [at_rome["id"]]


async def test_a_shell_in_a_vm_of_the_other_hub(two: Two) -> None:
    async with two.rome.admin() as rome:
        query = {"peer_id": "oslo", "vm_name": "far", "rows": "24", "cols": "80"}
        async with rome.session.ws_connect("/ws", params=query) as socket, asyncio.timeout(WITHIN_S):
            await socket.send_bytes(b"echo across-$((40+2))\r")
            seen = b""
            while b"across-42" not in seen:
                seen += (await socket.receive()).data


async def test_a_hub_that_was_killed_is_shown_as_it_was_and_takes_no_orders(two: Two) -> None:
    async with two.rome.admin() as rome:
        before = await rome.ask("GET", "/api/remote/oslo/vm")
        two.oslo.hub.kill()

        after = await rome.ask("GET", "/api/remote/oslo/vm")
        assert after["status"] == "unknown" and after["stale_s"] > 0
        assert [vm["id"] for vm in after["vms"]] == [vm["id"] for vm in before["vms"]]
        assert {vm["status"] for vm in after["vms"]} == {"unknown"}
        refused = await rome.ask("POST", "/api/remote/oslo/vm/far/stop", status=502)
        assert refused["code"] == "peer-unreachable" and refused["error"] == refused["detail"]

        two.oslo.start_hub()

        async def answers() -> bool:
            return bool((await rome.ask("GET", "/api/remote/oslo/vm"))["status"] == "online")

        await until(answers, "the restarted hub is trusted and online again")


async def test_revoking_ends_an_open_shell_and_everything_else(two: Two) -> None:
    async with two.oslo.admin() as oslo, two.rome.admin() as rome:
        rome_id = (await rome.ask("GET", "/api/p2p/info"))["id"]

        await until_agent_is_online(oslo)
        query = {"peer_id": "oslo", "vm_name": "far"}
        async with rome.session.ws_connect("/ws", params=query) as socket, asyncio.timeout(WITHIN_S):
            await socket.receive()
            await oslo.ask("DELETE", f"/api/p2p/peers/{rome_id}")
            while not socket.closed:
                await socket.receive()

        refused = await rome.ask("POST", "/api/remote/oslo/vm/far/stop", status=502)
        assert refused["code"] == "peer-misbehaved"
