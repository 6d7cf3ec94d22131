"""Two whole hubs: they pair, see each other's VMs, write to each other, and stop trusting."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .peer_fakes import Served, hub_at, pair, with_vms


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
