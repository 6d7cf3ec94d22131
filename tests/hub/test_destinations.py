"""Where agents cannot send the hub: to itself, to its machine's own services, to a cloud's metadata."""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestClient

from batwa_common.errors import AgentMisbehaved, AgentTimeout, InvalidRequest
from batwa_hub.hub import Hub
from batwa_hub.services.destinations import Destinations
from batwa_hub.transport.resolver import GuardedResolver

from .fleet_fakes import key_for, register, serving

ALLOWED = [ipaddress.ip_network("169.254.7.0/24")]


@pytest.fixture
def destinations() -> Destinations:
    return Destinations(allowed=ALLOWED, own=["192.0.2.10", "2001:db8::10"], port=8000)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254",
        "http://[fe80::1]:8001",
        "http://[::ffff:169.254.169.254]",
        "http://[64:ff9b::169.254.169.254]",
        "http://[2002:a9fe:a9fe::1]",
        "http://[fd00:ec2::254]",
        "http://100.100.100.200",
        "http://0.0.0.0:8001",
        "http://[::]:8001",
        "http://224.0.0.251:8001",
        "http://255.255.255.255:8001",
        "http://127.0.0.1:8001",
        "http://[::1]:5432",
        "http://localhost:8001",
        "http://db.localhost:8001",
        "http://192.0.2.10:8000",
        "http://192.0.2.11:99999",
        "http://[2001:db8::10]:8000",
        "http://bergen.link",
    ],
)
def test_an_agent_elsewhere_cannot_send_the_hub_there(destinations: Destinations, url: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^api_url: "):
        destinations.check(url, agent_id="oslo", told_from="198.51.100.7")


@pytest.mark.parametrize(
    "url",
    [
        "http://198.51.100.7:8001",
        "https://10.0.0.5",
        "http://192.0.2.10:8001",
        "http://[2001:db8::99]:8001",
        "http://agent.example.org:8001",
        "http://169.254.7.9:8001",
        "http://oslo.link",
    ],
)
def test_where_agents_usually_are(destinations: Destinations, url: str) -> None:
    destinations.check(url, agent_id="oslo", told_from="198.51.100.7")


def test_an_agent_beside_the_hub_may_be_at_loopback_but_is_not_the_hub(destinations: Destinations) -> None:
    destinations.check("http://127.0.0.1:8001", agent_id="oslo", told_from="127.0.0.1")
    destinations.check("http://localhost:8001", agent_id="oslo", told_from="::1")
    destinations.check("http://127.0.0.1:8001", agent_id="oslo", told_from="192.0.2.10")
    with pytest.raises(InvalidRequest, match="is the hub itself"):
        destinations.check("http://127.0.0.1:8000", agent_id="oslo", told_from="127.0.0.1")


class Names(AbstractResolver):
    """A name service of one's own."""

    def __init__(self, answers: Sequence[str]) -> None:
        self.answers = answers

    async def close(self) -> None:
        """There is nothing to close."""

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0)
            for each in self.answers
        ]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "192.0.2.10", "::ffff:127.0.0.1"])
async def test_a_name_that_points_there_later_is_refused_when_it_is_used(
    destinations: Destinations, address: str
) -> None:
    resolver = GuardedResolver(destinations, Names([address]))

    with pytest.raises(OSError, match=r"harmless\.example"):
        await resolver.resolve("harmless.example", 8000, socket.AF_UNSPEC)


async def test_what_a_name_has_beside_is_used(destinations: Destinations) -> None:
    resolver = GuardedResolver(destinations, Names(["127.0.0.1", "198.51.100.7"]))

    found = await resolver.resolve("agent.example", 8001, socket.AF_UNSPEC)

    assert [each["host"] for each in found] == ["198.51.100.7"]


@pytest.mark.parametrize("number", ["2852039166", "0x7f.1", "0251.0376.0251.0376"])
async def test_an_address_in_disguise_is_a_name_to_us_and_refused_as_what_it_is(
    destinations: Destinations, number: str
) -> None:
    with pytest.raises(OSError, match=r"no agent's address|this hub's own machine"):
        await GuardedResolver(destinations).resolve(number, 8001, socket.AF_INET)


async def test_a_registration_is_told_what_is_wrong_with_it(admin: TestClient) -> None:
    headers = {"X-API-Key": await key_for(admin, "oslo")}
    body = {"agent_id": "oslo", "hostname": "oslo", "api_url": "http://169.254.169.254"}

    answer = await admin.post("/api/agent/register", json=body, headers=headers)

    assert answer.status == 400
    assert "add its network to agent.allowed_networks" in (await answer.json())["detail"]


async def test_an_address_in_disguise_is_not_called(admin: TestClient, hub: Hub) -> None:
    await register(admin, "oslo", api_url="http://2852039166:8001")

    with pytest.raises(AgentTimeout):  # the HTTP client itself takes no such address
        await hub.directory.port("oslo").list_vms()


async def test_an_agent_cannot_send_the_hub_on_to_somewhere_else(admin: TestClient, hub: Hub) -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        raise web.HTTPFound("/secrets")

    paths = ("/ws", "/api/terminals", "/api/recordings/r1/cast", "/secrets")
    runner, url = await serving({("GET", path): elsewhere for path in paths})
    try:
        await register(admin, "oslo", api_url=url, features=("terminals", "shells"))
        shells = hub.directory.shells("oslo")
        with pytest.raises(AgentMisbehaved):
            await shells.terminals()
        with pytest.raises(AgentMisbehaved):
            async with shells.cast("r1"):
                pass
        with pytest.raises(AgentMisbehaved):
            async with hub.directory.http("oslo").upgraded("/ws", {}, {}):
                pass
    finally:
        await runner.cleanup()

    assert asked == ["/api/terminals", "/api/recordings/r1/cast", "/ws"]
