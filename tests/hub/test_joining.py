"""One pasted line makes a machine an agent: tokens, ids, the waiting room, keys that replace keys."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from batwa_common.wire.join import JoinTicket
from batwa_hub.app import make_app
from batwa_hub.hub import Hub, running
from batwa_hub.settings import JoinSettings, Settings

from .conftest import PASSWORD


def new_key() -> str:
    return "bak_" + secrets.token_urlsafe(32)


class Office:
    """An administrator, and machines that come with what they were given."""

    def __init__(self, admin: TestClient) -> None:
        self.admin = admin

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200, key: str = "") -> Any:
        headers = {"X-API-Key": key} if key else {}
        answer = await self.admin.request(method, path, json=body, headers=headers)
        assert answer.status == status, await answer.text()
        return await answer.json()

    async def token(self, **asked: Any) -> Any:
        return await self.ask("POST", "/api/agent/join-tokens", asked)

    async def join(self, token: Any, *, status: int = 200, **more: Any) -> Any:
        secret = JoinTicket.from_text(token["token"]).secret
        body = {"secret": secret, "hostname": "box", "api_key": new_key(), **more}
        return await self.ask("POST", "/api/agent/join", body, status=status)

    async def register(self, agent_id: str, key: str, *, status: int = 200) -> Any:
        body = {
            "agent_id": agent_id,
            "hostname": "box",
            "api_url": "http://127.0.0.1:9",
            "features": ["operations", "inventory"],
        }
        return await self.ask("POST", "/api/agent/register", body, key=key, status=status)

    async def beat(self, agent_id: str, key: str, *, status: int = 200) -> Any:
        vm = {"id": "1", "name": "web", "state": "Running", "created_at": "2026-01-01T00:00:00Z"}
        body = {"agent_id": agent_id, "inventory": {"epoch": "e", "revision": 1, "vms": [vm]}}
        return await self.ask("POST", "/api/agent/heartbeat", body, key=key, status=status)

    async def agent(self, agent_id: str) -> Any:
        return (await self.ask("GET", f"/api/agent/info/{agent_id}"))["agent"]


@pytest.fixture
def office(admin: TestClient) -> Office:
    return Office(admin)


@pytest.fixture
async def strict(settings: Settings, aiohttp_client: AiohttpClient) -> AsyncIterator[Office]:
    """At a hub where an administrator approves each machine."""
    async with running(settings.model_copy(update={"join": JoinSettings(approval=True)})) as hub:
        await hub.accounts.add_first(PASSWORD)
        client = await aiohttp_client(make_app(hub))
        office = Office(client)
        await office.ask("POST", "/api/auth/login", {"username": "admin", "password": PASSWORD})
        yield office


async def test_a_token_is_shown_once_and_makes_one_machine_an_agent(office: Office) -> None:
    token = await office.token(name="Office server", tags={"room": "3"})
    ticket = JoinTicket.from_text(token["token"])
    assert token["command"] == f"batwa-agent join {token['token']}"
    assert ticket.hubs == (str(office.admin.make_url("/")).rstrip("/"),) and ticket.fp is None
    (listed,) = await office.ask("GET", "/api/agent/join-tokens")
    assert (listed["created_by"], listed["uses_left"]) == ("admin", 1)
    assert ticket.secret not in str(listed) and "token" not in listed

    key = new_key()
    joined = await office.join(token, api_key=key)

    assert joined == {"agent_id": "Office-server", "name": "Office server", "status": "approved", "ca": None}
    assert (await office.agent("Office-server"))["status"] == "offline"
    await office.register("Office-server", key)
    agent = await office.agent("Office-server")
    assert (agent["status"], agent["hostname"], agent["tags"]) == ("online", "Office server", {"room": "3"})
    refused = await office.join(token, status=403)
    assert refused["code"] == "join-refused"


async def test_an_answer_that_was_lost_is_given_again_to_the_same_key(office: Office) -> None:
    token, key = await office.token(), new_key()

    first = await office.join(token, api_key=key)
    again = await office.join(token, api_key=key)

    assert first == again
    await office.join(token, status=403)


async def test_a_token_for_several_gives_each_an_id_of_its_own(office: Office) -> None:
    token = await office.token(name="lab", uses=3)

    ids = [(await office.join(token))["agent_id"] for _ in range(3)]

    assert ids == ["box", "box-2", "box-3"]
    await office.join(token, status=403)
    (listed,) = await office.ask("GET", "/api/agent/join-tokens")
    assert listed["uses_left"] == 0


async def test_revoked_expired_and_invented_tokens_are_refused_and_guessing_is_slowed(
    office: Office, hub: Hub
) -> None:
    token = await office.token()
    await office.ask("DELETE", f"/api/agent/join-tokens/{token['id']}")

    answers = [(await office.join(token, status=403))["code"] for _ in range(10)]

    assert set(answers) == {"join-refused"}
    assert (await office.join(token, status=429))["code"] == "too-many-requests"
    assert (await office.join(await office.token()))["status"] == "approved"  # the right one never waits
    assert not await hub.keys.find_all() or all(key.agent_id == "box" for key in await hub.keys.find_all())


async def test_nobody_takes_an_id_that_is_anothers(office: Office) -> None:
    await office.join(await office.token(), agent_id="oslo")

    refused = await office.join(await office.token(), agent_id="oslo", status=409)

    assert "batwa agent add --agent oslo" in refused["detail"]
    made_up = await office.join(await office.token(name="oslo"), former_key=new_key())
    assert made_up["agent_id"] == "oslo-2"


async def test_a_machine_that_joins_again_keeps_its_id_and_its_old_key_ends_when_the_new_one_registers(
    office: Office,
) -> None:
    old, new = new_key(), new_key()
    await office.join(await office.token(tags={"room": "3"}), api_key=old)
    await office.register("box", old)

    joined = await office.join(await office.token(name="other"), api_key=new, former_key=old)

    assert joined["agent_id"] == "box"
    assert (await office.agent("box"))["tags"] == {"room": "3"}
    await office.beat("box", old)
    await office.register("box", new)
    await office.beat("box", old, status=403)
    await office.beat("box", new)


async def test_a_token_for_an_id_replaces_the_machine_that_has_it(office: Office) -> None:
    old, new = new_key(), new_key()
    await office.join(await office.token(), api_key=old, agent_id="oslo")
    await office.register("oslo", old)

    await office.join(await office.token(agent_id="oslo"), api_key=new)
    await office.register("oslo", new)

    await office.register("oslo", old, status=403)


async def test_an_agent_changes_its_key_without_a_person(office: Office) -> None:
    old, new = new_key(), new_key()
    await office.join(await office.token(), api_key=old)
    await office.register("box", old)

    for _ in range(2):  # an answer that was lost
        await office.ask("POST", "/api/agent/key", {"api_key": new}, key=old)
    await office.beat("box", old)
    await office.register("box", new)

    await office.beat("box", old, status=403)
    stranger = new_key()
    await office.ask("POST", "/api/agent/key", {"api_key": stranger}, key=old, status=403)


async def test_a_machine_waits_until_it_is_approved_and_is_called_by_nobody(strict: Office) -> None:
    key = new_key()
    joined = await strict.join(await strict.token(), api_key=key)
    assert joined["status"] == "waiting"
    await strict.register("box", key)

    await strict.beat("box", key)
    assert (await strict.agent("box"))["status"] == "waiting"
    assert (await strict.ask("GET", "/api/vm/list"))["vms"] == []
    refused = await strict.ask("POST", "/api/vm/create", {"name": "web", "agent_id": "box"}, status=409)
    assert refused["code"] == "agent-waiting"
    await strict.ask("DELETE", "/api/agent/unregister/box")
    await strict.register("box", key)
    assert (await strict.agent("box"))["status"] == "waiting"  # leaving is no way around

    approved = await strict.ask("POST", "/api/agent/box/approve")

    assert approved["agent"]["status"] == "online"
    await strict.register("box", key)
    await strict.beat("box", key)
    assert [vm["name"] for vm in (await strict.ask("GET", "/api/vm/list"))["vms"]] == ["web"]
    again = await strict.join(await strict.token(), former_key=key)
    assert again["status"] == "approved"


async def test_the_hub_calls_an_agent_what_an_administrator_says(office: Office) -> None:
    key = new_key()
    await office.join(await office.token(), api_key=key)
    await office.register("box", key)

    changed = await office.ask("PATCH", "/api/agent/box", {"name": "Rack 4", "tags": {"rack": "4"}})
    await office.register("box", key)

    assert (changed["agent"]["hostname"], changed["agent"]["tags"]) == ("Rack 4", {"rack": "4"})
    assert await office.agent("box") == changed["agent"] | {"silence_s": 0.0} | await _seen(office)
    changed = await office.ask("PATCH", "/api/agent/box", {"name": ""})
    assert (changed["agent"]["hostname"], changed["agent"]["tags"]) == ("box", {"rack": "4"})


async def _seen(office: Office) -> dict[str, Any]:
    agent = await office.agent("box")
    return {"last_seen": agent["last_seen"], "silence_s": agent["silence_s"]}


async def test_a_token_names_the_configured_addresses(
    settings: Settings, aiohttp_client: AiohttpClient
) -> None:
    public = settings.model_copy(update={"public_urls": ("https://hub.example.org",)})
    async with running(public) as hub:
        await hub.accounts.add_first(PASSWORD)
        office = Office(await aiohttp_client(make_app(hub)))
        await office.ask("POST", "/api/auth/login", {"username": "admin", "password": PASSWORD})

        made = await office.token()
        assert (made["hubs"], made["advice"]) == (["https://hub.example.org"], None)


async def test_who_makes_a_token_is_told_when_only_its_own_machine_reaches_the_hub(office: Office) -> None:
    assert "set `host`" in (await office.token())["advice"]


async def test_behind_a_proxy_a_token_leads_to_the_proxy(office: Office) -> None:
    headers = {"X-Forwarded-Host": "vms.example.org", "X-Forwarded-Proto": "https"}

    answer = await office.admin.post("/api/agent/join-tokens", json={}, headers=headers)

    assert (await answer.json())["hubs"] == ["https://vms.example.org"]


@pytest.mark.parametrize("text", ["", "bjt_", "bjt_!!!", "bjt_e30", "bat_abc", "ü"])
def test_what_is_no_token_is_told_with_what_to_do(text: str) -> None:
    with pytest.raises(ValueError, match="batwa agent add"):
        JoinTicket.from_text(text)


def test_a_token_survives_being_wrapped_by_a_mail_program() -> None:
    ticket = JoinTicket(hubs=("https://hub.example:8000",), fp="ab" * 32, secret="s" * 43)
    text = ticket.to_text()

    assert JoinTicket.from_text(f" {text[:40]}\n{text[40:]} ") == ticket
