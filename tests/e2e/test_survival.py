"""kill -9 at any moment loses no acknowledged thing."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from .fleet import Fleet
from .test_contract import get, post
from .test_faults import agent_status, until, vm_state

ASYNC = {"Prefer": "respond-async"}


async def begin(session: aiohttp.ClientSession, path: str, body: object, **headers: str) -> Any:
    async with session.post(path, json=body, headers={**ASYNC, **headers}) as answer:
        told = await answer.json()
        assert answer.status == 202, told
        assert answer.headers["Location"] == f"/api/operations/{told['id']}"
        return told


async def end_of(session: aiohttp.ClientSession, operation_id: str, within_s: float = 40) -> Any:
    async with asyncio.timeout(within_s):
        while True:
            told = await get(session, f"/api/operations/{operation_id}")
            if told["state"] in {"succeeded", "failed", "cancelled"}:
                return told
            await asyncio.sleep(0.1)


async def test_a_create_tells_its_progress_as_it_goes(mended_fleet: Fleet) -> None:
    mended_fleet.faults("local", MULTIPASS_SIM_LAUNCH_S="2")
    async with mended_fleet.admin() as session:
        told = await begin(session, "/api/vm/create", {"name": "slow", "image": "25.10"})
        phases, percents = [], []
        async with asyncio.timeout(20):
            while told["state"] not in {"succeeded", "failed"}:
                path = f"/api/operations/{told['id']}?after_revision={told['revision']}&wait_s=5"
                told = await get(session, path)
                phases.append(told["phase"])
                percents.append(told["percent"])
        assert told["state"] == "succeeded" and told["vm"]["name"] == "slow"
        assert {"Retrieving image", "Starting"} <= set(phases), phases
        assert any(percent and 0 < percent < 100 for percent in percents)
        assert told["log"]


async def test_the_hub_killed_in_the_middle_of_a_create(mended_fleet: Fleet) -> None:
    mended_fleet.faults("oslo", MULTIPASS_SIM_LAUNCH_S="3")
    async with mended_fleet.admin() as session:
        told = await begin(session, "/api/vm/create", {"name": "phoenix", "agent_id": "oslo"})
        mended_fleet.hub.kill()
        mended_fleet.hub.start()
        assert (await get(session, "/api/auth/check"))["authenticated"], "the session still works"
        assert {agent["agent_id"] for agent in await get(session, "/api/agent/list")} == {"local", "oslo"}
        assert (await end_of(session, told["id"]))["state"] == "succeeded"
        assert await vm_state(session, "phoenix") == "Running"


@pytest.mark.parametrize("after_s", [0.0, 0.7, 1.5, 2.6])
async def test_the_agent_killed_in_the_middle_of_a_create(mended_fleet: Fleet, after_s: float) -> None:
    mended_fleet.faults("oslo", MULTIPASS_SIM_LAUNCH_S="3")
    async with mended_fleet.admin() as session:
        told = await begin(session, "/api/vm/create", {"name": "phoenix", "agent_id": "oslo"})
        await asyncio.sleep(after_s)
        mended_fleet.agents["oslo"].kill()
        mended_fleet.agents["oslo"].start()
        ended = await end_of(session, told["id"])
        await until(lambda: agent_status(session, "oslo"), "online")
        wanted = "Running" if ended["state"] == "succeeded" else None
        assert await vm_state(session, "phoenix") == wanted, ended
        if ended["state"] == "failed":
            assert ended["error"]["detail"]


async def test_one_idempotency_key_makes_one_vm_whatever_dies(mended_fleet: Fleet) -> None:
    mended_fleet.faults("oslo", MULTIPASS_SIM_LAUNCH_S="2")
    body, key = {"name": "once", "agent_id": "oslo"}, "create-once"
    async with mended_fleet.admin() as session:
        first = await begin(session, "/api/vm/create", body, **{"Idempotency-Key": key})
        mended_fleet.hub.kill()
        mended_fleet.hub.start()
        headers = {**ASYNC, "Idempotency-Key": key}
        async with session.post("/api/vm/create", json=body, headers=headers) as again:
            assert again.status in {200, 202}, "it may have ended while the hub started"
            assert again.headers["Location"] == f"/api/operations/{first['id']}"
        await end_of(session, first["id"])
        async with session.post("/api/vm/create", json=body, headers={"Idempotency-Key": key}) as answer:
            assert answer.status == 200
            assert (await answer.json())["message"] == "VM 'once' created successfully"
        async with session.post(
            "/api/vm/create", json=body | {"cpus": 2}, headers={"Idempotency-Key": key}
        ) as answer:
            assert (answer.status, (await answer.json())["code"]) == (409, "idempotency-key-reused")
        assert len((await get(session, "/api/vm/list"))["vms"]) == 1


async def test_many_at_once_with_one_key_make_one_operation(mended_fleet: Fleet) -> None:
    async with mended_fleet.admin() as session:
        told = await asyncio.gather(
            *(
                begin(session, "/api/vm/create", {"name": "one"}, **{"Idempotency-Key": "k"})
                for _ in range(10)
            )
        )
        assert len({operation["id"] for operation in told}) == 1
        assert (await end_of(session, told[0]["id"]))["state"] == "succeeded"


async def test_a_create_can_be_cancelled_and_leaves_nothing(mended_fleet: Fleet) -> None:
    mended_fleet.faults("local", MULTIPASS_SIM_LAUNCH_S="20")
    async with mended_fleet.admin() as session:
        told = await begin(session, "/api/vm/create", {"name": "never", "image": "22.04"})
        await until(lambda: phase(session, told["id"]), "Retrieving image")
        async with session.delete(f"/api/operations/{told['id']}") as answer:
            assert answer.status == 202
        assert (await end_of(session, told["id"]))["state"] == "cancelled"
        assert await vm_state(session, "never") is None
        async with session.delete(f"/api/operations/{told['id']}") as answer:
            assert (answer.status, (await answer.json())["code"]) == (409, "operation-ended")
        await get(session, "/api/operations/op-unknown", status=404)


async def phase(session: aiohttp.ClientSession, operation_id: str) -> Any:
    return (await get(session, f"/api/operations/{operation_id}"))["phase"]


async def test_events_go_on_where_they_were_left(mended_fleet: Fleet) -> None:
    async with mended_fleet.admin() as session:
        async with session.get("/api/events") as stream:
            await post(session, "/api/vm/create", {"name": "told"})
            seen = await read_events(
                stream, lambda e: e["kind"] == "vm" and (e["data"] or {}).get("name") == "told"
            )
        last = seen[-1]["id"]
        await post(session, "/api/vm/stop", {"name": "told"})
        mended_fleet.hub.kill()
        mended_fleet.hub.start()
        async with session.get("/api/events", headers={"Last-Event-ID": str(last)}) as stream:
            missed = await read_events(
                stream, lambda e: e["kind"] == "vm" and (e["data"] or {}).get("state") == "Stopped"
            )
        assert [e["id"] for e in missed] == sorted({e["id"] for e in missed}) and missed[0]["id"] > last


async def read_events(stream: aiohttp.ClientResponse, last: Any) -> list[Any]:
    seen: list[Any] = []
    async with asyncio.timeout(15):
        async for line in stream.content:
            if line.startswith(b"data: "):
                seen.append(json.loads(line.removeprefix(b"data: ")))
                if last(seen[-1]):
                    return seen
    raise AssertionError(f"the stream ended: {seen}")


async def test_a_revoked_session_loses_its_terminal(mended_fleet: Fleet) -> None:
    async with mended_fleet.admin() as session:
        await post(session, "/api/vm/create", {"name": "mine"})
        ws = await session.ws_connect("/ws?vm_name=mine")
        await ws.receive(timeout=10)
        await post(session, "/api/auth/logout", {})
        async with asyncio.timeout(3):
            while (await ws.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
        await ws.close()


async def test_both_daemons_stop_in_good_order(mended_fleet: Fleet) -> None:
    async with mended_fleet.admin() as session, session.get("/api/events"):
        assert mended_fleet.agents["local"].stop() == 0
        assert mended_fleet.hub.stop() == 0
