"""An agent that nobody can dial does everything that another does, over everything that befalls a network."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import aiohttp
import pytest

from .namespaces import Admin, Machine
from .nat import BehindNat, behind_nat
from .test_peers import until

VM = "/api/vm/far"
NOTICED_S = 20.0
"""How long a link that has fallen silent may go unnoticed."""
pytestmark = pytest.mark.timeout(180)


class Far(NamedTuple):
    """A hub outside, and its agent `away` inside."""

    hub: Machine
    network: BehindNat


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    with contextlib.ExitStack() as stack:
        try:
            network = stack.enter_context(behind_nat())
        except OSError as err:
            reason = f"no network with address translation can be made here: {err}"
            sys.stderr.write(f"\n{reason}\n")
            pytest.skip(reason)
        hub = Machine(network.outside, tmp_path_factory.mktemp("nat") / "m", "hub")
        stack.callback(hub.end)
        hub.start_hub()
        hub.add_agent(
            "away", at=network.inside, BATWA_AGENT_LINK="true", BATWA_AGENT_RECORDING__ALWAYS="true"
        )
        yield Far(hub, network)


async def until_it_answers(admin: Admin) -> None:
    """Wait until the agent is reached: its terminals are asked of it, not of what the hub remembers."""

    async def answers() -> bool:
        async with admin.session.get("/api/vm/info/far") as answer:
            return answer.status == 200

    await until(answers, "the agent answers")


async def run(admin: Admin, *command: str, status: int = 200) -> Any:
    body = {"command": command, "timeout_s": 60}
    return await admin.ask("POST", f"{VM}/exec", body, status=status)


async def show(admin: Admin, terminal_id: str, keys: str, wanted: bytes) -> None:
    """Attach to a terminal, type, and wait for what comes."""
    async with asyncio.timeout(10), admin.session.ws_connect(f"/ws?terminal_id={terminal_id}") as viewer:
        await viewer.send_str(keys)
        seen = b""
        while wanted not in seen:
            message = await viewer.receive()
            assert message.type is aiohttp.WSMsgType.BINARY, message
            seen += message.data


async def test_nobody_can_dial_it_and_it_is_online(far: Far) -> None:
    for address in (far.network.inside.address, "10.78.0.2"):
        info: aiohttp.AddrInfoType = (socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 8001))
        with far.network.outside.socket(info) as probe, pytest.raises(OSError, match=r"refused|unreachable"):
            probe.connect((address, 8001))
    async with far.hub.admin() as admin:

        async def online() -> Any:
            agents = await admin.ask("GET", "/api/agent/list")
            return next((agent for agent in agents if agent["status"] == "online"), None)

        agent = await until(online, "the agent is online")
        assert (agent["agent_id"], agent["connection"]) == ("away", "linked")


async def test_vms_commands_terminals_and_recordings(far: Far) -> None:
    async with far.hub.admin() as admin:
        here = {"name": "far", "agent_id": "away"}
        made = await admin.ask("POST", "/api/vm/create", {**here, "cpus": 1, "memory": "1G"})
        assert made["message"] == "VM 'far' created successfully"
        for verb in ("stop", "start"):
            await admin.ask("POST", f"/api/vm/{verb}", here)
        info = (await admin.ask("GET", "/api/vm/info/far?agent_id=away"))["info"]
        assert info["state"] == "Running"
        [listed] = (await admin.ask("GET", "/api/vm/list"))["vms"]
        assert (listed["name"], listed["agent_id"]) == ("far", "away")

        assert (await run(admin, "echo", "hello"))["stdout"] == "hello\n"
        opened = await admin.ask("POST", "/api/terminals", {"vm_name": "far"}, status=201)
        await show(admin, opened["id"], "echo at$((40+2))\n", b"at42")
        await admin.ask("DELETE", f"/api/terminals/{opened['id']}")
        [recorded] = (await admin.ask("GET", "/api/recordings"))["recordings"]
        async with admin.session.get(f"/api/recordings/{recorded['id']}/cast") as answer:
            assert b"at42" in await answer.read()


async def test_a_new_address_costs_nothing_but_a_moment(far: Far) -> None:
    async with far.hub.admin() as admin:
        opened = await admin.ask("POST", "/api/terminals", {"vm_name": "far"}, status=201)
        await show(admin, opened["id"], "kept=here\n", b"kept=here")

        far.network.router.move()

        await until_it_answers(admin)
        await show(admin, opened["id"], "echo still-$kept\n", b"still-here")


async def test_a_network_that_falls_silent_is_noticed_and_comes_back(far: Far) -> None:
    async with far.hub.admin() as admin:
        opened = await admin.ask("POST", "/api/terminals", {"vm_name": "far"}, status=201)
        under_way = asyncio.create_task(run(admin, "sh", "-c", "touch begun; sleep 60", status=504))

        async def begun() -> bool:
            return bool((await run(admin, "ls", "begun"))["exit_code"] == 0)

        await until(begun, "the command runs")

        far.network.router.fall_silent()

        async with asyncio.timeout(NOTICED_S):
            assert "broke off" in (await under_way)["detail"]
        far.network.router.speak_again()
        await until_it_answers(admin)
        await show(admin, opened["id"], "echo back-$((40+2))\n", b"back-42")


async def test_a_killed_hub_finds_its_agent_again(far: Far) -> None:
    async with far.hub.admin() as admin:
        prefer = {"Prefer": "respond-async"}
        body = {"name": "second", "agent_id": "away"}
        async with admin.session.post("/api/vm/create", json=body, headers=prefer) as answer:
            told = await answer.json()
        far.hub.hub.kill()
        far.hub.start_hub()

        async def done() -> bool:
            state = (await admin.ask("GET", f"/api/operations/{told['id']}"))["state"]
            return bool(state == "succeeded")

        await until(done, "what was begun before is done")
        await until_it_answers(admin)
        assert (await run(admin, "echo", "again"))["stdout"] == "again\n"
