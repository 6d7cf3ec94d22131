"""What attackers try, over HTTP: each is refused, and what was aimed at somebody is in the audit log."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient

from batwa_common import logs
from batwa_common.web.body import PATIENCE_S
from batwa_common.web.serve import runner_of
from batwa_common.wire.audit import AuditFilter
from batwa_common.wire.join import JoinTicket
from batwa_hub.app import make_app
from batwa_hub.hub import Hub

from .conftest import PASSWORD
from .fleet_fakes import register

LOGIN = {"username": "admin", "password": PASSWORD}
CROSS_SITE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]


async def newest(hub: Hub) -> dict[str, Any]:
    async for page in hub.audit.pages(AuditFilter()):
        return page[-1].model_dump()
    raise AssertionError("nothing is recorded")


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_another_sites_page_changes_nothing(
    admin: TestClient, hub: Hub, headers: dict[str, str]
) -> None:
    answer = await admin.post("/api/agent/keys", json={"name": "mine"}, headers=headers)

    assert answer.status == 403
    assert await hub.keys.find_all() == ()
    record = await newest(hub)
    assert (record["action"], record["outcome"]) == ("POST /api/agent/keys", "refused")


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_another_sites_page_opens_no_websocket(
    admin: TestClient, hub: Hub, headers: dict[str, str]
) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", **headers}
    for path in ("/ws?vm_name=web", "/ws/exec?vm_name=web", "/ws?share=bts_x"):
        assert (await admin.get(path, headers=upgrade)).status == 403, path
    assert (await newest(hub))["outcome"] == "refused"


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_another_sites_page_logs_nobody_in(stranger: TestClient, headers: dict[str, str]) -> None:
    answer = await stranger.post("/api/auth/login", json=LOGIN, headers=headers)

    assert answer.status == 403 and not answer.cookies


async def test_a_page_that_the_settings_name_may(admin: TestClient) -> None:
    headers = {"Origin": "https://panel.example.org", "Sec-Fetch-Site": "cross-site"}

    assert (await admin.post("/api/agent/keys", json={"name": "x"}, headers=headers)).status == 200


async def test_a_session_that_was_planted_or_has_ended_opens_nothing(stranger: TestClient, hub: Hub) -> None:
    planted = {"Cookie": "session_id=" + "A" * 43}
    answer = await stranger.post("/api/auth/login", json=LOGIN, headers=planted)
    session = answer.cookies["session_id"].value
    assert session != "A" * 43
    stranger.session.cookie_jar.clear()
    assert (await stranger.get("/api/vm/list", headers=planted)).status == 401
    mine = {"Cookie": f"session_id={session}"}
    assert (await stranger.get("/api/vm/list", headers=mine)).status == 200

    await stranger.post("/api/auth/logout", headers=mine)

    assert (await stranger.get("/api/vm/list", headers=mine)).status == 401
    assert (await stranger.post("/api/vm/start", json={"name": "web"}, headers=mine)).status == 401
    assert (await newest(hub))["outcome"] == "refused"


async def test_what_was_seen_on_its_way_is_good_for_nothing_again(admin: TestClient, hub: Hub) -> None:
    made = await (await admin.post("/api/agent/join-tokens", json={})).json()
    secret = JoinTicket.from_text(made["token"]).secret
    totp = await (await admin.post("/api/auth/totp", json={"password": PASSWORD})).json()
    code = pyotp.TOTP(totp["secret"]).now()
    assert (await admin.post("/api/auth/totp/confirm", json={"code": code})).status == 200
    mine = {"secret": secret, "hostname": "mine", "api_key": "bak_" + "m" * 43}
    evils = mine | {"hostname": "evil", "api_key": "bak_" + "e" * 43}

    for path, body, statuses in (
        ("/api/agent/join", mine, (200, 200)),  # the same machine: its answer may have been lost
        ("/api/agent/join", evils, (403, 403)),
        ("/api/auth/login", LOGIN | {"code": code}, (401, 401)),
    ):
        seen = [(await admin.post(path, json=body)).status for _ in range(2)]
        assert tuple(seen) == statuses, path
        if statuses[0] != 200:
            record = await newest(hub)
            assert (record["action"], record["outcome"]) == (f"POST {path}", "refused")
            assert secret not in str(record) and code not in str(record)
    assert [key.agent_id for key in await hub.keys.find_all()] == ["mine"]


async def test_an_agent_speaks_for_itself_only(admin: TestClient, hub: Hub) -> None:
    oslo = await register(admin, "oslo")
    await register(admin, "bergen")
    body = {"agent_id": "bergen", "hostname": "x", "api_url": "http://192.0.2.66"}

    for path in ("/api/agent/register", "/api/agent/heartbeat"):
        assert (await admin.post(path, json=body, headers=oslo)).status == 403
        record = await newest(hub)
        assert (record["code"], record["agent_id"]) == ("invalid-api-key", "bergen")
    assert hub.registry.row("bergen").api_url == "http://127.0.0.1:9"
    admin.session.cookie_jar.clear()
    assert (await admin.get("/api/users", headers=oslo)).status == 401


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2fetc%2fpasswd", "web%00", "-rf", "--all", "web;reboot", "$(id)", "%ff", "w%0aeb"],
)
async def test_a_name_is_a_name_and_no_path_or_option(admin: TestClient, hub: Hub, name: str) -> None:
    for path in (
        f"/api/vm/{name}",
        f"/api/vm/info/{name}",
        f"/api/recordings/{name}",
        f"/api/recordings/oslo~{name}/cast",
        f"/api/terminals/{name}",
        f"/api/agent/info/{name}",
        f"/assets/{name}",
    ):
        assert (await admin.get(path)).status in {400, 404}, path
    assert (await admin.post("/api/vm/start", json={"name": name})).status in {400, 404}
    record = await newest(hub)
    assert (record["action"], record["outcome"]) == ("POST /api/vm/start", "failed")


async def test_bombs_do_not_go_off(stranger: TestClient, hub: Hub) -> None:
    deep = b'{"username":' + b"[" * 100_000
    zipped = zlib.compress(b" " * (64 << 20))
    for body, headers, statuses in (
        (b" " * (300 << 10), {}, {413}),
        (zipped, {"Content-Encoding": "deflate"}, {400, 413}),
        (deep, {}, {400}),
        (b'{"username":' + b"1" * 100_000 + b"}", {}, {400}),
        (b"\xff\xfe", {}, {400}),
    ):
        answer = await stranger.post("/api/auth/login", data=body, headers=headers)
        assert answer.status in statuses, (body[:20], await answer.text())
        record = await newest(hub)
        assert (record["status"], record["outcome"]) == (answer.status, "failed")
        assert record["details"] == {}, "what it was made of is in no log"
    for headers in ({f"X-{n}": "1" for n in range(300)}, {"X-Long": "x" * 20_000}):
        assert (await stranger.get("/", headers=headers)).status == 400


async def told(client: TestClient, raw: bytes) -> bytes:
    """Return all that the hub answers to these bytes until it closes."""
    assert client.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    try:
        writer.write(raw)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c: d\n\r\n\x00",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
async def test_what_two_parsers_may_read_differently_is_refused(stranger: TestClient, raw: bytes) -> None:
    assert b" 400 " in (await told(stranger, raw)).split(b"\r\n")[0]


@pytest.fixture
async def impatient(hub: Hub) -> AsyncIterator[int]:
    """The port of the hub as it is served, with less patience."""
    app = make_app(hub)
    app[PATIENCE_S] = 0.0
    runner = runner_of(app, idle_s=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()
    # aiohttp's handler of a connection ends a moment after the connection
    handlers = [task for task in asyncio.all_tasks() if "RequestHandler" in repr(task.get_coro())]
    await asyncio.gather(*handlers, return_exceptions=True)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", b""),
        (b"GET /api/vm/list HTTP/1.1\r\nHost: x\r\nX-Slow: ", b""),
        (b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b"HTTP/1.1 408"),
    ],
)
async def test_a_slow_client_is_cut_off(impatient: int, hub: Hub, sent: bytes, status: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient)
    writer.write(sent)

    async with asyncio.timeout(30):
        answer = await reader.read(12)

    assert answer == status
    if status:  # else there was no request yet
        assert (await newest(hub))["status"] == 408
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/api/vm/list", b"Authorization: Bearer \xff", 401),
        ("/api/vm/list", b"Authorization: Basic \xff", 401),
        ("/api/vm/list", "Authorization: Basic é".encode(), 401),
        ("/api/vm/list", b"Cookie: session_id=\xff", 401),
        ("/api/agent/self", b"X-API-Key: \xff", 403),
        ("/ws?vm_name=x", b"Upgrade: websocket\r\nOrigin: \xff", 403),
        ("/api/auth/session", b"X-Forwarded-For: \xff\r\nX-Forwarded-Proto: \xff\r\nUser-Agent: \xff", 200),
        ("/api/auth/session", b"X-Forwarded-Host: \xff", 400),
        ("/api/auth/session", b"X-Forwarded-Host: a b", 400),
    ],
)
async def test_bytes_that_are_no_text_are_somebody_elses_mistake(
    stranger: TestClient, path: str, header: bytes, status: int
) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{stranger.port}\r\nConnection: close\r\n"

    answer = await told(stranger, head.encode() + header + b"\r\n\r\n")

    assert int(answer.split()[1]) == status, answer
    assert (
        int((await told(stranger, b"GET / HTTP/1.1\r\nHost: \xff\r\nConnection: close\r\n\r\n")).split()[1])
        == 400
    )


async def test_a_browser_whose_name_is_no_text_can_log_in(stranger: TestClient) -> None:
    body = json.dumps(LOGIN).encode()
    head = f"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"

    answer = await told(stranger, head.encode() + b"User-Agent: Mozill\xe9\r\n\r\n" + body)

    assert int(answer.split()[1]) == 200, answer


async def test_nobody_fills_the_log_with_tracebacks(impatient: int, caplog: pytest.LogCaptureFixture) -> None:
    for bad in ("X: y\r\n" * 300, f"Cookie: {'s3cret' * 2000}\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", impatient)
        writer.write(f"GET / HTTP/1.1\r\nHost: x\r\n{bad}\r\n".encode())
        async with asyncio.timeout(20):
            assert b" 400 " in (await reader.read()).split(b"\r\n")[0]
        writer.close()

    assert not [record for record in caplog.records if record.name == "aiohttp.server"]


async def test_guessing_is_slowed_and_recorded(stranger: TestClient, hub: Hub) -> None:
    for attempt in range(12):
        answer = await stranger.post("/api/auth/login", json=LOGIN | {"password": f"guess {attempt}"})
    assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1
    for attempt in range(12):
        bearer = {"Authorization": f"Bearer bat_{attempt}"}
        answer = await stranger.get("/api/vm/list", headers=bearer)
    assert answer.status == 429

    records = [each async for page in hub.audit.pages(AuditFilter()) for each in page]
    assert {each.outcome for each in records} == {"refused"}
    assert {each.action for each in records} == {"POST /api/auth/login", "GET /api/vm/list"}
    assert not any("guess" in each.model_dump_json() for each in records)


def test_nobody_writes_a_line_of_the_log_file(tmp_path: Path) -> None:
    file = tmp_path / "log"
    logs.set_up(file=file)
    structlog.stdlib.get_logger("x").info("request", path="/x\n{}\r\x1b[2J", to="/ws?session_id=s3cret&a=b")
    logs.set_up()

    [line] = file.read_text().splitlines()
    assert "s3cret" not in line and "\x1b" not in line


async def test_every_answer_tells_browsers_to_make_nothing_else_of_it(admin: TestClient) -> None:
    for path in ("/", "/healthz", "/api/vm/list", "/api/audit/export", "/nowhere", "/api/openapi.json"):
        headers = (await admin.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Server"] == "Batwa", path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["Referrer-Policy"] == "no-referrer" and headers["X-Frame-Options"] == "DENY"
        if path.startswith("/api/"):
            assert headers["Cache-Control"] in {"no-store", "no-cache"}, path
