"""The whole route table, walked as everybody who may come; every rule has its expectation."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientSession, DummyCookieJar

from batwa_common.web.routes import Access, Route
from batwa_common.wire.token import NewToken
from batwa_common.wire.user import NewUser
from batwa_hub.api.routes import ROUTES
from batwa_hub.services.rights import Rights
from batwa_hub.store.tables import users

from .fleet_fakes import register
from .peer_fakes import Served, hub_at, pair, signed

CALLERS = [
    *("stranger", "viewer", "viewer+terminals", "operator", "operator-terminals", "admin"),
    *("scoped-token", "agent", "peer"),
]
PASSES, UNKNOWN, REFUSED = 200, 401, 403
EXPECTED: dict[Access, str] = {
    # one letter for each of CALLERS: p passes the rule, u is unknown to it (401), r is refused (403)
    Access.ANYONE: "ppppppppp",
    Access.METRICS: "ppppppppp",  # they all call from this machine
    Access.LINK: "uppppppup",
    Access.VIEWER: "uppppppup",
    Access.OPERATOR: "urrppppup",
    Access.TERMINAL: "urpprppup",
    Access.ADMIN: "urrrrprur",
    Access.AGENT: "uuuuuuupu",
    Access.PROCESS: "uuuuuuuuu",
    Access.PEER: "urrrrrrup",
}
VERDICTS = {"p": PASSES, "u": UNKNOWN, "r": REFUSED}
NOT_FOR_PEERS = ("/api/remote/", "/api/p2p/", "/api/auth/", "/api/users", "/api/events")
"""What is for this hub's own people only, but for messages from other hubs."""
ASK_THEMSELVES = ("/api/auth/check", "/api/auth/session")
"""What anyone may call and asks who it is by itself."""
REFUSALS = re.compile(
    r"Not authenticated: log in|There is no API key; send|This needs the (role|permission) \w+"
    r"|This is for (other hubs, with|the hub's other processes)|\S+ is for this hub's own people; "
)
"""What a rule says when it refuses; a handler that refuses for reasons of its own says something else."""

Headers = Callable[[Route, str], Awaitable[Mapping[str, str]]]


def expected(caller: str, route: Route) -> int:
    verdict = VERDICTS[EXPECTED[route.access][CALLERS.index(caller)]]
    own = route.path.startswith(NOT_FOR_PEERS) and route.path != "/api/p2p/receive"
    asks = route.access is not Access.ANYONE or route.path in ASK_THEMSELVES
    if caller == "peer" and own and asks:
        return REFUSED
    return verdict


def test_every_rule_has_an_expectation_for_every_caller() -> None:
    assert set(EXPECTED) == set(Access)
    assert {len(row) for row in EXPECTED.values()} == {len(CALLERS)}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Served]:
    async with hub_at(tmp_path / "here", "Here") as served:
        yield served


async def session_of(here: Served, caller: str) -> Headers:
    """Let somebody in, and return what makes the header of their login."""
    role, sign, _ = re.split(r"([+-])", f"{caller}+")[:3] if "terminals" in caller else (caller, "", "")
    asked: dict[str, Any] = {"name": "somebody", "password": "long enough", "role": role}
    if sign:
        asked["terminals"] = sign == "+"
    await here.hub.users.add(NewUser.model_validate(asked))
    user_id = await here.hub.users.id_of("somebody")

    return await remade(lambda: begin(here, user_id))


async def begin(here: Served, user_id: str) -> Mapping[str, str]:
    return {"Cookie": f"session_id={await here.hub.sessions.begin(user_id, {})}"}


async def remade(make: Callable[[], Awaitable[Mapping[str, str]]]) -> Headers:
    """Return what makes new headers for every request: one may end what another came with."""

    async def headers(_route: Route, _path: str) -> Mapping[str, str]:
        return await make()

    return headers


async def constant(headers: Mapping[str, str]) -> Headers:
    async def same(_route: Route, _path: str) -> Mapping[str, str]:
        return headers

    return same


async def token_of(here: Served) -> Headers:
    """A token of the administrator, limited to one agent."""
    async with here.hub.database.reading() as connection:
        admin = await connection.scalar(sa.select(users.c.id))
    asked = NewToken(name="t", role="operator", agents=("oslo",))

    async def make() -> Mapping[str, str]:
        rights = Rights("admin", terminals=True)
        made = await here.hub.tokens.issue(asked, user_id=str(admin), rights=rights, with_token=None)
        return {"Authorization": f"Bearer {made.token}"}

    return await remade(make)


async def peer_of(here: Served, there: Served) -> Headers:
    await pair(here, there, role="operator")

    async def headers(route: Route, path: str) -> Mapping[str, str]:
        return signed(there, here, route.method, path)

    return headers


async def verdict_of(session: ClientSession, route: Route, path: str, headers: Mapping[str, str]) -> int:
    async with session.request(route.method, path, headers=headers) as answer:
        if answer.status in {UNKNOWN, REFUSED} and REFUSALS.match((await answer.json())["detail"]):
            return answer.status
        assert answer.status < 500 or answer.status in {502, 503, 504}, (route, await answer.text())
    return PASSES


@pytest.fixture
async def headers(here: Served, tmp_path: Path, caller: str) -> AsyncIterator[Headers]:
    async with AsyncExitStack() as stack:
        match caller:
            case "stranger":
                yield await constant({})
            case "agent":
                yield await constant(await register(here.admin, "oslo"))
            case "scoped-token":
                yield await token_of(here)
            case "peer":
                there = await stack.enter_async_context(hub_at(tmp_path / "there", "There"))
                yield await peer_of(here, there)
            case _:
                yield await session_of(here, caller)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("caller", CALLERS)
async def test_the_whole_matrix(here: Served, headers: Headers, caller: str) -> None:
    wrong = []
    async with ClientSession(here.url, cookie_jar=DummyCookieJar()) as session:
        for route in ROUTES:
            path = re.sub(r"\{\w+(:[^{}]*)?\}", "x", route.path)
            found = await verdict_of(session, route, path, await headers(route, path))
            if found != expected(caller, route):
                wrong.append((route.method, route.path, route.access, found))
    assert not wrong


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        ("viewer", 403),
        ("viewer+terminals", 404),
        ("operator", 404),
        ("operator-terminals", 403),
        ("admin", 404),
    ],
)
async def test_opening_a_terminal_by_websocket_goes_by_the_permission(
    here: Served, caller: str, status: int
) -> None:
    headers = await session_of(here, caller)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    async with ClientSession(here.url, cookie_jar=DummyCookieJar()) as session:
        login = await headers(ROUTES[0], "/ws")
        async with session.get("/ws?vm_name=web", headers={**login, **upgrade}) as answer:
            assert answer.status == status, await answer.text()


async def test_a_limited_account_sees_its_agents_and_no_other_hub(here: Served) -> None:
    for agent in ("oslo", "rome"):
        await register(here.admin, agent)
    limits = {"agents": ("oslo",), "name": "somebody", "password": "long enough", "role": "operator"}
    await here.hub.users.add(NewUser.model_validate(limits))
    session_id = await here.hub.sessions.begin(await here.hub.users.id_of("somebody"), {})
    cookie = {"Cookie": f"session_id={session_id}"}
    async with ClientSession(here.url, cookie_jar=DummyCookieJar(), headers=cookie) as session:

        async def get(path: str) -> Any:
            async with session.get(path) as answer:
                return await answer.json()

        assert [agent["agent_id"] for agent in await get("/api/agent/list")] == ["oslo"]
        assert (await get("/api/agent/info/rome"))["status"] == 404
        assert [peer["id"] for peer in (await get("/api/p2p/peers"))["peers"]] == ["oslo"]
        assert (await get("/api/auth/me"))["agents"] == ["oslo"]
        asked = {"name": "t", "role": "operator", "agents": ["rome"]}
        async with session.post("/api/auth/tokens", json=asked) as answer:
            token = {"Authorization": f"Bearer {(await answer.json())['token']}"}
    async with ClientSession(here.url, headers=token) as session:
        assert await get("/api/agent/list") == []
