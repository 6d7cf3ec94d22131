"""Hubs that have made their own CA: each learns the other's with its trust, and follows its changes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from batwa_common.errors import PeerMisbehaved
from batwa_common.tls import bundle_id
from batwa_hub.hub import Hub
from batwa_hub.services.peering.candidates import checked
from batwa_hub.services.peering.pairing import new_code
from batwa_hub.store.peers import PeerStore
from batwa_hub.tls.certificates import OwnAuthority

from .fleet_fakes import serving
from .peer_fakes import Served, hub_at, pair, with_vms
from .test_peers import Two, message_to


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    async with (
        hub_at(tmp_path / "oslo", "oslo", tls=True) as oslo,
        hub_at(tmp_path / "rome", "rome", tls=True) as rome,
    ):
        yield Two(oslo, rome)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


def believed(at: Hub, peer: Served) -> str | None:
    ca = at.peers.row(peer.id).ca
    return None if ca is None else bundle_id(ca)


def bundle_of(hub: Hub) -> str:
    assert hub.tls is not None and hub.tls.bundle is not None
    return bundle_id(hub.tls.bundle)


async def test_hubs_with_their_own_ca_pair_by_code_and_work_across(two: Two) -> None:
    await pair(two.oslo, two.rome)
    await with_vms(two.oslo, "web")

    listed = await two.rome.ask("GET", "/api/remote/oslo/vm")
    told = await two.oslo.ask("POST", "/api/p2p/message", message_to("rome", "HELLO"))

    assert [vm["name"] for vm in listed["vms"]] == ["web"] and listed["status"] == "online"
    assert told == {"response": {"status": "ok", "message": "Hello received"}}
    assert believed(two.rome.hub, two.oslo) == bundle_of(two.oslo.hub)
    assert believed(two.oslo.hub, two.rome) == bundle_of(two.rome.hub)
    kept = {row.id: row.ca for row in await PeerStore(two.rome.hub.database).all()}
    assert kept[two.oslo.id] == two.rome.hub.peers.row(two.oslo.id).ca, "also after a restart"


async def test_hubs_with_their_own_ca_pair_by_fingerprint(two: Two) -> None:
    for here, there in ((two.oslo, two.rome), (two.rome, two.oslo)):
        await here.ask("POST", "/api/p2p/static", {"address": there.url})
        shown = (await there.ask("GET", "/api/p2p/info"))["fingerprint"]
        body = {"peer_id": there.id, "fingerprint": shown, "role": "operator"}
        await here.ask("POST", "/api/p2p/trust", body)

    told = await two.oslo.ask("POST", "/api/p2p/message", message_to("rome", "HELLO"))

    assert told["response"]["status"] == "ok"


async def test_a_new_ca_is_learnt_before_the_old_one_is_retired(two: Two) -> None:
    await pair(two.oslo, two.rome)
    tls = two.oslo.hub.tls
    assert tls is not None
    await until(lambda: two.rome.hub.peers.get(two.oslo.id).status == "online")

    before = bundle_of(two.oslo.hub)
    await asyncio.to_thread(OwnAuthority(two.oslo.hub.settings.data_dir / "tls").rotate)
    await tls.look()
    await two.rome.hub.p2p.look()
    assert believed(two.rome.hub, two.oslo) == bundle_of(two.oslo.hub) != before
    await asyncio.to_thread(OwnAuthority(two.oslo.hub.settings.data_dir / "tls").retire)
    await tls.look()

    told = await two.rome.ask("POST", "/api/p2p/message", message_to("oslo", "HELLO"))
    assert told["response"]["status"] == "ok"


async def test_another_ca_at_a_peers_address_is_not_believed(two: Two, tmp_path: Path) -> None:
    await pair(two.oslo, two.rome)
    async with hub_at(tmp_path / "mallory", "mallory", tls=True) as mallory:
        await until(lambda: two.rome.hub.peers.row(two.oslo.id).vms is not None)
        await two.rome.hub.peers.heard_from(two.oslo.id, url=mallory.url)

        refused = await two.rome.ask("POST", "/api/p2p/message", message_to("oslo", "HELLO"), status=502)

    assert refused["code"] == "peer-unreachable"


async def test_a_ca_that_the_key_has_not_signed_is_none_of_that_hub(two: Two) -> None:
    genuine, other = two.oslo.hub.p2p.identity(), two.rome.hub.p2p.identity()
    assert checked(genuine) == genuine

    for change in ({"ca": other.ca}, {"ca_proof": other.ca_proof}, {"ca_proof": ""}, {"ca_proof": "é"}):
        with pytest.raises(PeerMisbehaved, match="does not vouch for"):
            checked(genuine.model_copy(update=change))


async def test_a_hub_that_had_https_is_not_followed_to_plain_http(two: Two) -> None:
    """Whoever stands between two hubs could have them talk in the clear."""
    await pair(two.oslo, two.rome)
    await until(lambda: two.rome.hub.peers.row(two.oslo.id).vms is not None)
    known, asked = two.rome.hub.peers.row(two.oslo.id).url, list[str]()

    async def relay(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(two.oslo.hub.p2p.identity().model_dump())

    runner, url = await serving({("GET", "/api/p2p/identity"): relay, ("POST", "/api/p2p/receive"): relay})
    try:
        await two.rome.hub.peers.load()  # as after a restart: nobody was heard from yet
        found = await two.rome.ask("POST", "/api/p2p/static", {"address": url})
        await two.rome.hub.p2p.look()
    finally:
        await runner.cleanup()

    assert [(each["id"], each["url"]) for each in found["candidates"]] == [(two.oslo.id, url)]
    assert two.rome.hub.peers.row(two.oslo.id).url == known and set(asked) == {"/api/p2p/identity"}


@pytest.mark.parametrize("address", ["169.254.169.254:80", "http://[fe80::1]", "100.100.100.200"])
async def test_no_hub_is_looked_for_where_a_cloud_tells_its_secrets(two: Two, address: str) -> None:
    for path, body in (("static", {}), ("pair", {"code": new_code()})):
        refused = await two.rome.ask("POST", f"/api/p2p/{path}", {"address": address, **body}, status=400)
        assert "p2p.allowed_networks" in refused["detail"]
