"""Bad input and broken machines: each a clear sentence, the right status, and nothing half-done."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from .fleet import Fleet
from .test_contract import get, post


def assert_documented(told: dict[str, Any], *, code: str) -> str:
    """Check the one error body, as both documented APIs read it; return its sentence."""
    assert told["code"] == code, told
    assert told["detail"] == told["error"]
    assert {"type", "title", "status", "request_id"} <= told.keys()
    return str(told["detail"])


BAD_CREATES = [
    ({"name": "x", "cpu": 2}, "cpu"),
    ({"name": "x", "cpus": "two"}, "cpus"),
    ({"name": "x", "cpus": 0}, "cpus"),
    ({"name": "x", "memory": "much"}, "not a size"),
    ({"name": "x", "disk": "-5G"}, "not a size"),
    ({"name": "x", "image": "--cloud-init=/etc/passwd"}, "image"),
    ({"name": "-x"}, "name"),
    ({"name": "x_y"}, "name"),
    ({"name": "9x"}, "name"),
    ({"name": "x-"}, "name"),
    ({"name": "list"}, "reserved"),
    ({"name": "../etc"}, "name"),
    ({"name": "x" * 101}, "name"),
    ({}, "name"),
    ([], ""),
]


@pytest.mark.parametrize(("body", "word"), BAD_CREATES, ids=[str(b) for b, _ in BAD_CREATES])
async def test_a_malformed_create_is_a_400_that_names_the_field(
    shared_fleet: Fleet, body: object, word: str
) -> None:
    async with shared_fleet.admin() as session:
        told = await post(session, "/api/vm/create", body, status=400)
        assert word in assert_documented(told, code="invalid-request")
        assert (await get(session, "/api/vm/list"))["vms"] == []


async def test_what_is_not_json_is_a_400(shared_fleet: Fleet) -> None:
    async with shared_fleet.admin() as session, session.post("/api/vm/create", data=b"{nope") as answer:
        assert answer.status == 400
        assert_documented(await answer.json(), code="invalid-request")


@pytest.mark.parametrize("size", [{"memory": "1K"}, {"disk": "1M"}])
async def test_a_size_that_multipass_refuses_is_a_400_in_its_words(
    shared_fleet: Fleet, size: dict[str, str]
) -> None:
    async with shared_fleet.admin() as session:
        told = await post(session, "/api/vm/create", {"name": "small"} | size, status=400)
        assert_documented(told, code="driver-refused")
        assert (await get(session, "/api/vm/list"))["vms"] == []


async def test_an_unknown_image_is_a_400(shared_fleet: Fleet) -> None:
    async with shared_fleet.admin() as session:
        told = await post(session, "/api/vm/create", {"name": "x", "image": "no-such-image"}, status=400)
        assert_documented(told, code="driver-refused")


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "suspend", "delete", "recover"])
async def test_an_unknown_vm_or_agent_is_a_404(shared_fleet: Fleet, verb: str) -> None:
    async with shared_fleet.admin() as session:
        told = await post(session, f"/api/vm/{verb}", {"name": "nobody"}, status=404)
        assert "nobody" in assert_documented(told, code="vm-not-found")
        told = await post(session, f"/api/vm/{verb}", {"name": "nobody", "agent_id": "mars"}, status=404)
        assert "mars" in assert_documented(told, code="agent-not-found")


async def test_names_states_and_the_trash(mended_fleet: Fleet) -> None:
    async with mended_fleet.admin() as session:
        await post(session, "/api/vm/create", {"name": "twin"})
        told = await post(session, "/api/vm/create", {"name": "twin"}, status=409)
        assert_documented(told, code="vm-exists")
        await post(session, "/api/vm/create", {"name": "twin", "agent_id": "oslo"})
        await post(session, "/api/vm/create", {"name": "other", "agent_id": "oslo"})

        told = await post(session, "/api/vm/start", {"name": "twin"}, status=409)
        assert "already" in assert_documented(told, code="vm-state-conflict")
        await post(session, "/api/vm/stop", {"name": "twin"})
        vms = {(vm["agent_id"], vm["name"]): vm for vm in (await get(session, "/api/vm/list"))["vms"]}
        assert vms[None, "twin"]["state"] == "Stopped", "without agent_id the local one is meant"
        assert vms["oslo", "twin"]["state"] == "Running"
        told = await post(session, "/api/vm/stop", {"name": "twin"}, status=409)
        assert_documented(told, code="vm-state-conflict")
        await post(session, "/api/vm/stop", {"name": "other"})  # the only one in the fleet

        await post(session, "/api/vm/delete", {"name": "twin", "agent_id": "oslo"})
        told = await post(session, "/api/vm/start", {"name": "twin", "agent_id": "oslo"}, status=409)
        assert "recover" in assert_documented(told, code="vm-state-conflict")
        told = await post(session, "/api/vm/create", {"name": "twin", "agent_id": "oslo"}, status=409)
        assert_documented(told, code="vm-exists")

        await post(session, "/api/vm/delete", {"name": "other", "agent_id": "oslo", "purge": True})
        states = {
            vm["name"]: vm["state"] for vm in (await get(session, "/api/vm/list"))["vms"] if vm["agent_id"]
        }
        assert states == {"twin": "Deleted"}, "purging one VM leaves the trash of others alone"


async def test_a_name_on_two_remote_agents_is_ambiguous(fleet: Fleet) -> None:
    fleet.add_agent("bergen")
    async with fleet.admin() as session:
        for agent in ("oslo", "bergen"):
            await post(session, "/api/vm/create", {"name": "twin", "agent_id": agent})
        told = await post(session, "/api/vm/stop", {"name": "twin"}, status=409)
        sentence = assert_documented(told, code="vm-ambiguous")
        assert "oslo" in sentence and "bergen" in sentence
        await get(session, "/api/vm/info/twin", status=409)


async def test_a_dead_agent_is_offline_and_its_vms_keep_their_age(mended_fleet: Fleet) -> None:
    async with mended_fleet.admin() as session:
        await post(session, "/api/vm/create", {"name": "far", "agent_id": "oslo"})
        mended_fleet.agents["oslo"].kill()
        told = await post(session, "/api/vm/stop", {"name": "far", "agent_id": "oslo"}, status=502)
        assert "oslo" in assert_documented(told, code="agent-unreachable")

        await until(lambda: agent_status(session, "oslo"), "offline")
        (vm,) = (await get(session, "/api/vm/list"))["vms"]
        assert vm["state"] == "Unknown" and vm["stale_s"] >= 2
        told = await post(session, "/api/vm/stop", {"name": "far", "agent_id": "oslo"}, status=502)
        assert "silent" in assert_documented(told, code="agent-unreachable")

        mended_fleet.agents["oslo"].start()
        await until(lambda: agent_status(session, "oslo"), "online")
        await until(lambda: vm_state(session, "far"), "Running")


async def agent_status(session: aiohttp.ClientSession, agent_id: str) -> str:
    return str((await get(session, f"/api/agent/info/{agent_id}"))["agent"]["status"])


async def vm_state(session: aiohttp.ClientSession, name: str) -> str | None:
    vms = (await get(session, "/api/vm/list"))["vms"]
    return next((vm["state"] for vm in vms if vm["name"] == name), None)


async def until(ask: Callable[[], Any], wanted: object, within_s: float = 15) -> None:
    async with asyncio.timeout(within_s):
        while (seen := await ask()) != wanted:
            await asyncio.sleep(0.1)
    assert seen == wanted


async def test_a_hung_agent_is_a_504_and_delays_no_other(mended_fleet: Fleet) -> None:
    async with mended_fleet.admin() as session:
        await post(session, "/api/vm/create", {"name": "far", "agent_id": "oslo"})
        await post(session, "/api/vm/create", {"name": "near"})
        mended_fleet.agents["oslo"].signal(signal.SIGSTOP)
        hung = asyncio.create_task(
            post(session, "/api/vm/stop", {"name": "far", "agent_id": "oslo"}, status=504)
        )
        await post(session, "/api/vm/stop", {"name": "near"})
        await get(session, "/api/vm/list")
        assert not hung.done()
        assert_documented(await hung, code="agent-timeout")
        mended_fleet.agents["oslo"].signal(signal.SIGCONT)
        await until(lambda: vm_state(session, "far"), "Stopped", within_s=30)


@pytest.fixture
async def garbage() -> AsyncIterator[str]:
    """An agent that answers everything with something that is not the protocol."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="<html>It works!</html>")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_an_agent_that_answers_garbage_is_a_502(fleet: Fleet, garbage: str) -> None:
    key = fleet.make_key("odd", "odd")
    vm = {"id": "vm-1", "name": "ghost", "state": "Running"}
    inventory = {"epoch": "e", "revision": 1, "vms": [vm]}
    async with fleet.session() as agent, fleet.admin() as session:
        agent.headers["X-API-Key"] = key
        body = {
            "agent_id": "odd",
            "hostname": "odd",
            "api_url": garbage,
            "features": ["operations", "inventory"],
        }
        await post(agent, "/api/agent/register", body)
        await post(agent, "/api/agent/heartbeat", {"agent_id": "odd", "inventory": inventory})
        told = await post(session, "/api/vm/stop", {"name": "ghost"}, status=502)
        assert "odd" in assert_documented(told, code="agent-misbehaved")
        told = await get(session, "/api/vm/info/ghost", status=502)
        assert_documented(told, code="agent-misbehaved")


@pytest.mark.parametrize(
    ("faults", "codes"),
    [
        ({"MULTIPASS_SIM_DOWN": "1"}, {"driver-unavailable"}),
        ({"MULTIPASS_SIM_GARBAGE": "info"}, {"driver-failed"}),
    ],
    ids=["daemon down", "garbage"],
)
async def test_a_broken_multipass_is_told_as_such(
    mended_fleet: Fleet, faults: dict[str, str], codes: set[str]
) -> None:
    async with mended_fleet.admin() as session:
        await post(session, "/api/vm/create", {"name": "here"})
        mended_fleet.faults("local", **faults)
        told = await get(session, "/api/vm/info/here", status=502)
        assert told["code"] in codes, told
        assert (await vm_state(session, "here")) == "Running", "what was known stays listed"
        mended_fleet.faults("local")
        assert (await get(session, "/api/vm/info/here"))["info"]["state"] == "Running"


async def test_a_machine_without_multipass_says_so(fleet: Fleet) -> None:
    fleet.add_agent("bare", ready="/healthz", BATWA_AGENT_MULTIPASS="no-such-multipass")
    async with fleet.admin() as session:
        told = await post(session, "/api/vm/create", {"name": "x", "agent_id": "bare"}, status=502)
        assert "no-such-multipass" in assert_documented(told, code="driver-unavailable")
        agent = (await get(session, "/api/agent/info/bare"))["agent"]
        assert "no-such-multipass" in agent["driver"]["problem"]


async def test_a_launch_that_fails_is_explained_and_leaves_nothing(mended_fleet: Fleet) -> None:
    mended_fleet.faults("local", MULTIPASS_SIM_FAIL_LAUNCH="Starting: timed out waiting for response")
    async with mended_fleet.admin() as session:
        told = await post(session, "/api/vm/create", {"name": "doomed"}, status=504)
        assert_documented(told, code="driver-timeout")
        (operation,) = [o for o in await get(session, "/api/operations") if o["vm_name"] == "doomed"]
        assert operation["state"] == "failed"
        assert operation["error"]["detail"] == told["detail"]


async def test_agent_keys(fleet: Fleet) -> None:
    async with fleet.admin() as session, fleet.session() as agent:
        made = await post(session, "/api/agent/keys", {"name": "for bergen", "agent_id": "bergen"})
        assert made.keys() >= {"id", "name", "agent_id", "api_key", "created_at"}
        (listed,) = [key for key in await get(session, "/api/agent/keys") if key["id"] == made["id"]]
        assert "api_key" not in listed
        body = {"agent_id": "bergen", "hostname": "b", "api_url": "http://127.0.0.1:9"}

        await post(agent, "/api/agent/register", body, status=401)
        told = await post(agent, "/api/agent/register", body | {"api_key": "bak_wrong"}, status=403)
        assert_documented(told, code="invalid-api-key")
        key = made["api_key"]
        await post(agent, "/api/agent/register", body | {"api_key": key, "agent_id": "oslo"}, status=403)
        await post(agent, "/api/agent/register", body | {"api_key": key})
        headers = {"X-API-Key": key}
        for name, status in [("bergen", 200), ("oslo", 403)]:
            async with agent.post("/api/agent/heartbeat", json={"agent_id": name}, headers=headers) as answer:
                assert answer.status == status
        async with session.delete(f"/api/agent/keys/{made['id']}") as answer:
            assert answer.status == 200
        async with agent.post("/api/agent/heartbeat", json={"agent_id": "bergen"}, headers=headers) as answer:
            assert answer.status == 403
        await get(agent, "/api/vm/list", status=401)


async def test_an_agent_whose_key_was_revoked_is_cut_off(fleet: Fleet) -> None:
    async with fleet.admin() as session:
        (key,) = [key for key in await get(session, "/api/agent/keys") if key["agent_id"] == "oslo"]
        async with session.delete(f"/api/agent/keys/{key['id']}") as answer:
            assert answer.status == 200
        await until(lambda: agent_status(session, "oslo"), "offline")
