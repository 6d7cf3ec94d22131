"""Two whole hubs: they pair, see each other's VMs, write to each other, and stop trusting."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
from aiohttp import ClientSession, web

from batwa_hub.services.peering.pairing import new_code
from batwa_hub.services.peering.peers import url_of
from tests.postgres import Server as Postgres

from .fleet_fakes import serving
from .peer_fakes import Served, hub_at, pair, signed, with_vms
from .test_processes import eventually


class Two(NamedTuple):
    """Hubs `oslo` and `rome`."""

    oslo: Served
    rome: Served


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    async with hub_at(tmp_path / "oslo", "oslo") as oslo, hub_at(tmp_path / "rome", "rome") as rome:
        yield Two(oslo, rome)


async def test_hubs_that_paired_list_each_other(two: Two) -> None:
    await pair(two.oslo, two.rome, role="viewer", back="operator")

    (at_rome,) = (await two.rome.ask("GET", "/api/p2p/peers"))["peers"]
    (at_oslo,) = (await two.oslo.ask("GET", "/api/p2p/peers"))["peers"]

    assert (at_rome["id"], at_rome["name"], at_rome["role"]) == (two.oslo.id, "oslo", "operator")
    assert (at_oslo["id"], at_oslo["name"], at_oslo["role"]) == (two.rome.id, "rome", "viewer")
    assert at_oslo["address"] == "127.0.0.1" and at_oslo["port"] == two.rome.hub.p2p.port
    assert at_oslo["services"] == ["vm", "discovery"]


async def test_the_vms_of_a_peer_are_listed_in_the_documented_shape(two: Two) -> None:
    await pair(two.oslo, two.rome)
    await with_vms(two.oslo, "web", "db")

    for name in (two.oslo.id, "oslo", two.oslo.url):
        listed = await two.rome.ask("GET", f"/api/remote/{name.replace('/', '%2F')}/vm")
        assert {vm["name"] for vm in listed["vms"]} == {"web", "db"}
    assert listed["peer_id"] == two.oslo.id and listed["status"] == "online" and listed["stale_s"] == 0
    assert listed["vms"][0]["status"] == "running" and listed["vms"][0]["vnc_port"] is None


async def test_messages_are_answered_as_documented(two: Two) -> None:
    await pair(two.oslo, two.rome)

    async def say(kind: str) -> dict[str, object]:
        body = {"peer_id": two.oslo.id, "message_type": kind, "data": {"message": "Hi"}}
        told = await two.rome.ask("POST", "/api/p2p/message", body)
        return dict(told["response"])

    assert await say("HELLO") == {"status": "ok", "message": "Hello received"}
    assert (await say("PING"))["status"] == "ok"
    assert (await say("NODE_INFO"))["node"]["id"] == two.oslo.id  # type: ignore[index]  # JSON
    assert (await say("VM_LIST"))["vms"] == []
    assert (await say("LUNCH"))["status"] == "ok"
    (letter,) = (await two.oslo.ask("GET", "/api/p2p/inbox"))["messages"]
    assert letter["message_type"] == "LUNCH" and letter["data"] == {"message": "Hi"}
    assert letter["peer_id"] == two.rome.id and letter["peer_name"] == "rome"


async def test_a_role_bounds_what_the_other_hub_may_do(two: Two) -> None:
    await pair(two.oslo, two.rome, role="viewer")
    await with_vms(two.oslo, "web")

    refused = await two.rome.ask("POST", "/api/remote/oslo/vm/web/stop", status=403)
    assert "viewer" in refused["detail"] and refused["code"] == "forbidden"
    await two.oslo.ask("PATCH", f"/api/p2p/peers/{two.rome.id}", {"role": "operator"})
    answer = await two.rome.ask("POST", "/api/remote/oslo/vm/web/stop", status=502)
    assert answer["code"] == "agent-unreachable"  # now it is the agent, which exists only in this test


async def test_a_hub_gets_no_further_through_another(two: Two) -> None:
    await pair(two.oslo, two.rome, role="admin")

    for path in ("/api/remote/rome/vm", "/api/p2p/peers", "/api/users", "/api/auth/tokens"):
        headers = signed(two.rome, two.oslo, "GET", path)
        async with two.oslo.admin.session.get(f"{two.oslo.url}{path}", headers=headers) as answer:
            assert answer.status == 403, path


async def test_altered_replayed_misaddressed_and_unsigned_requests_are_refused(two: Two) -> None:
    await pair(two.oslo, two.rome)
    body = b'{"message_type": "HELLO", "data": {}}'

    async def receive(headers: Mapping[str, str], sent: bytes = body) -> tuple[int, str]:
        url = f"{two.oslo.url}/api/p2p/receive"
        async with ClientSession() as bare, bare.post(url, data=sent, headers=headers) as answer:
            return answer.status, (await answer.json()).get("code", "")

    good = signed(two.rome, two.oslo, "POST", "/api/p2p/receive", body)
    assert await receive(good) == (200, "")
    assert await receive(good) == (401, "signature-refused")
    other = signed(two.rome, two.oslo, "POST", "/api/p2p/receive", body)
    assert await receive(other, body.replace(b"HELLO", b"LUNCH")) == (401, "signature-refused")
    to_self = signed(two.rome, two.rome, "POST", "/api/p2p/receive", body)
    assert await receive(to_self) == (401, "signature-refused")
    assert await receive({}) == (401, "not-authenticated")
    assert await receive({"Authorization": "Batwa-Peer nonsense"}) == (401, "signature-refused")


async def test_a_revoked_hub_is_refused_at_once(two: Two) -> None:
    await pair(two.oslo, two.rome)
    await two.oslo.ask("DELETE", f"/api/p2p/peers/{two.rome.id}")

    refused = await two.rome.ask("POST", "/api/p2p/message", message_to("oslo", "HELLO"), status=502)
    assert refused["code"] == "peer-misbehaved" and "does not trust" in refused["detail"]
    gone = await two.oslo.ask("POST", "/api/p2p/message", message_to("rome", "HELLO"), status=404)
    assert gone["code"] == "peer-not-found"


async def test_an_impostor_at_a_peers_address_is_not_believed(two: Two) -> None:
    await pair(two.oslo, two.rome)

    async def lie(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "message": "Hello received", "vms": []})

    runner, url = await serving({("POST", "/api/p2p/receive"): lie, ("GET", "/api/vm"): lie})
    try:
        async with asyncio.timeout(10):
            # The first look at the real hub is on its way still; it would put the real address back.
            while two.rome.hub.peers.row(two.oslo.id).vms is None:
                await asyncio.sleep(0.01)
        await two.rome.hub.peers.heard_from(two.oslo.id, url=url)
        for method, path, body in (
            ("POST", "/api/p2p/message", message_to("oslo", "HELLO")),
            ("POST", "/api/remote/oslo/vm/web/start", None),
        ):
            refused = await two.rome.ask(method, path, body, status=502)
            assert refused["code"] == "peer-misbehaved", refused
    finally:
        await runner.cleanup()


async def test_a_code_of_somebody_else_does_not_pair(two: Two) -> None:
    body = {"address": two.oslo.url, "code": new_code(), "role": "admin"}
    refused = await two.rome.ask("POST", "/api/p2p/pair", body, status=403)

    assert refused["code"] == "pairing-refused"
    assert (await two.rome.ask("GET", "/api/p2p/peers"))["peers"] == []


async def test_hubs_trust_by_fingerprint_at_given_addresses(two: Two) -> None:
    for one, other in (two, two[::-1]):
        (found,) = (await one.ask("POST", "/api/p2p/static", {"address": other.url}))["candidates"]
        shown = (await other.ask("GET", "/api/p2p/info"))["fingerprint"]
        assert found["fingerprint"] == shown and not found["trusted"] and found["source"] == "static"
        wrong = {"peer_id": other.id, "fingerprint": shown[:-4] + "AAAA"}
        await one.ask("POST", "/api/p2p/trust", wrong, status=403)
        await one.ask("POST", "/api/p2p/trust", {"peer_id": other.id, "fingerprint": shown})

    told = await two.rome.ask("POST", "/api/p2p/message", message_to(two.oslo.id, "HELLO"))
    assert told["response"]["message"] == "Hello received"
    await two.rome.ask("DELETE", f"/api/p2p/static/{quote(two.oslo.url, safe='')}")
    assert (await two.rome.ask("GET", "/api/p2p/candidates"))["static"] == []


async def test_stopped_services_say_so_in_both_directions(two: Two) -> None:
    await pair(two.oslo, two.rome)
    assert (await two.oslo.ask("POST", "/api/p2p/stop"))["status"] == "stopped"

    mine = await two.oslo.ask("POST", "/api/p2p/message", message_to("rome", "HELLO"), status=409)
    theirs = await two.rome.ask("POST", "/api/p2p/message", message_to("oslo", "HELLO"), status=502)
    assert mine["code"] == "p2p-not-running"
    assert theirs["code"] == "peer-misbehaved"  # a stopped hub signs nothing either
    info = await two.oslo.ask("GET", "/api/p2p/info")
    assert (info["status"], info["id"]) == ("offline", two.oslo.id)


async def test_an_offline_hub_gives_its_last_list_with_its_age(tmp_path: Path) -> None:
    async with hub_at(tmp_path / "rome", "rome") as rome:
        async with hub_at(tmp_path / "oslo", "oslo") as oslo:
            await pair(oslo, rome)
            await with_vms(oslo, "web")
            await rome.ask("GET", "/api/remote/oslo/vm")

        listed = await rome.ask("GET", "/api/remote/oslo/vm")
        assert listed["status"] == "unknown" and listed["stale_s"] > 0
        assert [(vm["name"], vm["status"], vm["state"]) for vm in listed["vms"]] == [
            ("web", "unknown", "Unknown")
        ]
        refused = await rome.ask("POST", "/api/remote/oslo/vm/web/start", status=502)
        assert refused["code"] == "peer-unreachable"


async def test_trust_and_services_outlive_a_restart(tmp_path: Path) -> None:
    async with hub_at(tmp_path / "rome", "rome") as rome:
        async with hub_at(tmp_path / "oslo", "oslo") as oslo:
            await pair(oslo, rome)
            before = oslo.id
        async with hub_at(tmp_path / "oslo", "oslo", started=False) as oslo:
            await oslo.hub.p2p.resume(oslo.hub.p2p.port)
            assert oslo.id == before

            told = await oslo.ask("POST", "/api/p2p/message", message_to("rome", "HELLO"))
            assert told["response"]["message"] == "Hello received"


async def test_the_processes_of_a_hub_are_one_peer(tmp_path: Path, postgres: Postgres) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    at = partial(hub_at, name="oslo", database_url=postgres.new_database())
    async with hub_at(tmp_path / "rome", "rome") as rome, at(here) as one:
        there.mkdir(mode=0o700)
        for name in ("secret.key", "identity.key"):
            shutil.copy(here / name, there)
        async with at(there, started=False) as two:
            await two.hub.p2p.resume(two.hub.p2p.port)  # it runs at the other, and so here
            made = await one.ask("POST", "/api/p2p/pairing-codes", {"role": "operator"})
            await rome.ask("POST", "/api/p2p/pair", {"address": two.url, "code": made["code"]})
            body = b'{"message_type": "HELLO", "data": {}}'
            headers = signed(rome, one, "POST", "/api/p2p/receive", body)

            async def receive(at: Served) -> int:
                url = f"{at.url}/api/p2p/receive"
                async with ClientSession() as bare, bare.post(url, data=body, headers=headers) as answer:
                    return answer.status

            async def trusted() -> bool:
                return await receive(one) == 200

            async def stopped() -> bool:
                return not two.hub.p2p.is_running

            await eventually(trusted)
            assert await receive(two) == 401, "good once, at either"
            await one.ask("POST", "/api/p2p/stop")
            await eventually(stopped)


async def test_own_agents_are_peers_too(two: Two) -> None:
    await with_vms(two.oslo, "web", agent_id="attic")
    await with_vms(two.oslo, "web", "db", agent_id="cellar")

    for name in ("attic", "attic-host"):
        listed = await two.oslo.ask("GET", f"/api/remote/{name}/vm")
        assert [(vm["name"], vm["agent_id"]) for vm in listed["vms"]] == [("web", "attic")]
    one = await two.oslo.ask("GET", "/api/remote/cellar/vm/db")
    assert one["name"] == "db" and one["status"] == "running"
    missing = await two.oslo.ask("POST", "/api/remote/attic/vm/db/start", status=404)
    assert missing["code"] == "vm-not-found"
    kinds = {(p["id"], p["kind"]) for p in (await two.oslo.ask("GET", "/api/p2p/peers"))["peers"]}
    assert kinds == {("attic", "agent"), ("cellar", "agent")}


async def test_an_address_of_several_peers_is_ambiguous(two: Two) -> None:
    await with_vms(two.oslo, agent_id="attic")
    await with_vms(two.oslo, agent_id="cellar")

    refused = await two.oslo.ask("GET", "/api/remote/127.0.0.1/vm", status=409)
    assert refused["code"] == "peer-ambiguous"
    assert "'attic'" in refused["detail"] and "'cellar'" in refused["detail"]
    assert (await two.oslo.ask("GET", "/api/remote/nobody/vm", status=404))["code"] == "peer-not-found"


async def test_the_inbox_is_told_to_watchers(two: Two) -> None:
    await pair(two.oslo, two.rome)
    position = await two.oslo.hub.events.position()
    await two.rome.ask("POST", "/api/p2p/message", message_to("oslo", "LUNCH"))

    async with asyncio.timeout(10):
        while True:
            batch = await two.oslo.hub.events.after(position)
            position = batch.position
            letters = [event for event in batch.events if event.kind == "message"]
            if letters:
                break
    assert letters[0].data and letters[0].data["message_type"] == "LUNCH"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("hub.example.org", "http://hub.example.org:8000"),
        ("10.0.0.1:9000", "http://10.0.0.1:9000"),
        ("https://hub.example.org/", "https://hub.example.org:443"),
        ("[fe80::1]:8000", "http://[fe80::1]:8000"),
    ],
)
def test_an_address_means_one_url(address: str, url: str) -> None:
    assert url_of(address) == url


def message_to(peer: str, kind: str) -> dict[str, object]:
    return {"peer_id": peer, "message_type": kind, "data": {}}
