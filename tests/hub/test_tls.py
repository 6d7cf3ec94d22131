"""HTTPS by the hub itself: its CA, its certificates, and what callers believe meanwhile."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpServer
from aiohttp.test_utils import TestServer
from yarl import URL

from batwa_common.tls import client_context, fingerprint, pinned, unverified_context
from batwa_hub.__main__ import main
from batwa_hub.app import make_app
from batwa_hub.hub import running
from batwa_hub.settings import Settings
from batwa_hub.tls.certificates import RENEW, OwnAuthority, ServerTls, TlsUnusable, from_files

from .conftest import PASSWORD

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HERE = frozenset({"127.0.0.1", "localhost"})


class Machine:
    """A directory, the names of a machine, and a wall clock, all of which may change."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.names = HERE
        self.at = datetime.now(UTC)

    @property
    def own(self) -> OwnAuthority:
        return OwnAuthority(self.directory, lambda: self.names, now=lambda: self.at)

    def shown(self) -> bytes:
        return self.own.material().content


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "tls")


async def here(_request: web.Request) -> web.Response:
    return web.Response(text="here")


@asynccontextmanager
async def serving(tls: ServerTls) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", here)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=tls.context)
    try:
        yield str(server.make_url("/"))
    finally:
        await server.close()


async def believes(url: str, bundle: str | None) -> bool:
    """Whether a client that believes *bundle*, and checks as strictly as OpenSSL can, talks to *url*."""
    context = await asyncio.to_thread(client_context, bundle)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        async with aiohttp.ClientSession() as session, session.get(url, ssl=context) as answer:
            return await answer.text() == "here"
    except aiohttp.ClientConnectorCertificateError:
        return False


async def test_who_pins_the_ca_believes_the_hub_wherever_it_is(machine: Machine) -> None:
    machine.names = frozenset({"another-name.example"})
    tls = await asyncio.to_thread(ServerTls, machine.own.material)

    async with serving(tls) as url:
        assert await believes(url, tls.bundle)
        assert not await believes(url, None)


async def test_who_pins_another_ca_does_not(machine: Machine, tmp_path: Path) -> None:
    tls = await asyncio.to_thread(ServerTls, machine.own.material)
    other = await asyncio.to_thread(OwnAuthority(tmp_path / "other").authority)

    async with serving(tls) as url:
        assert not await believes(url, other.bundle())


async def test_a_rotation_is_believed_by_old_and_new_until_the_old_ca_is_retired(machine: Machine) -> None:
    tls = await asyncio.to_thread(ServerTls, machine.own.material)
    old = tls.bundle

    async with serving(tls) as url:
        for _ in range(2):  # twice: who slept through one rotation is not lost
            await asyncio.to_thread(machine.own.rotate)
            await tls.look()
            assert await believes(url, old)
            assert await believes(url, tls.bundle)
        newest = tls.bundle
        assert newest is not None and old is not None and newest.endswith(old)

        await asyncio.to_thread(machine.own.retire)
        await tls.look()

        assert not await believes(url, old)
        assert await believes(url, tls.bundle) and await believes(url, newest)


def test_a_certificate_is_renewed_in_time_and_not_before(machine: Machine) -> None:
    machine.at = NOW
    first = machine.shown()

    machine.at = NOW + timedelta(days=59)
    assert machine.shown() == first
    machine.at = NOW + timedelta(days=90) - RENEW
    assert machine.shown() != first


def test_a_new_name_makes_a_new_certificate_and_a_name_that_went_does_not(machine: Machine) -> None:
    first = machine.shown()

    machine.names = HERE | {"192.0.2.7"}
    second = machine.shown()
    machine.names = HERE

    assert first != second == machine.shown()


def test_a_fingerprint_picks_the_one_certificate_and_no_other(machine: Machine, tmp_path: Path) -> None:
    theirs = OwnAuthority(tmp_path / "other").authority().bundle()
    ours = machine.own.authority().bundle()

    assert pinned(theirs + ours, fingerprint(ours).upper()) == ours.strip()
    assert pinned(theirs, fingerprint(ours)) is None


def test_keys_that_others_may_read_are_refused(machine: Machine) -> None:
    machine.own.authority()
    (machine.directory / "authority.pem").chmod(0o644)

    with pytest.raises(TlsUnusable, match="chmod 600"):
        machine.own.authority()


def test_a_damaged_ca_is_not_replaced_behind_anybodys_back(machine: Machine) -> None:
    machine.own.authority()
    (machine.directory / "authority.pem").write_bytes(b"nonsense")

    with pytest.raises(TlsUnusable, match="backup"):
        machine.own.material()


async def test_files_are_served_with_and_looked_at_again(machine: Machine, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def put() -> None:
        head, mark, rest = machine.shown().partition(b"-----BEGIN CERTIFICATE")
        key.write_bytes(head)
        certificate.write_bytes(mark + rest)

    await asyncio.to_thread(put)
    ca = machine.directory / "ca.pem"
    tls = await asyncio.to_thread(ServerTls, lambda: from_files(certificate, key, ca))
    async with serving(tls) as url:
        before = await leaf_of(url)
        machine.names = HERE | {"renewed.example"}
        await asyncio.to_thread(put)

        await tls.look()

        assert await leaf_of(url) != before
        certificate.write_text("half a file")
        await tls.look()
        assert await believes(url, tls.bundle)


async def leaf_of(url: str) -> bytes | None:
    at = URL(url)
    _, writer = await asyncio.open_connection(at.host, at.port, ssl=unverified_context())
    leaf: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return leaf


@pytest.fixture
async def https(tmp_path: Path, aiohttp_server: AiohttpServer) -> AsyncIterator[TestServer]:
    """A whole hub that serves HTTPS with its own CA."""
    given = {"data_dir": tmp_path, "admin_password": PASSWORD, "tls": {"mode": "auto"}}
    settings = await asyncio.to_thread(Settings.load, given)
    async with running(settings) as hub:
        await hub.accounts.add_first(PASSWORD)
        assert hub.tls is not None
        yield await aiohttp_server(make_app(hub), ssl=hub.tls.context, scheme="https")


async def test_a_hub_tells_its_ca_to_strangers_and_browsers_stay_with_https(https: TestServer) -> None:
    url = https.make_url("/").with_scheme("https")
    async with aiohttp.ClientSession(url) as session:
        answer = await session.get("/api/ca.pem", ssl=unverified_context())
        bundle = await answer.text()
        context = await asyncio.to_thread(client_context, bundle)

        answer = await session.post(
            "/api/auth/login", json={"username": "admin", "password": PASSWORD}, ssl=context
        )

        assert answer.status == 200, await answer.text()
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        assert "Secure" in answer.headers["Set-Cookie"]


async def test_a_hub_without_a_ca_says_so(stranger: aiohttp.ClientSession) -> None:
    answer = await stranger.get("/api/ca.pem")

    assert answer.status == 404
    assert "Strict-Transport-Security" not in answer.headers


@pytest.fixture
def in_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    monkeypatch.setenv("BATWA_HUB_DATA_DIR", str(tmp_path))
    return lambda action: main(["ca", action])


def test_the_ca_is_shown_rotated_and_retired_from_the_command_line(
    in_directory: Callable[[str], int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert in_directory("show") == 1
    assert "tls.mode" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
    OwnAuthority(tmp_path / "tls").authority()
    assert in_directory("show") == 0
    first = capsys.readouterr().out.split()[1]

    assert in_directory("rotate") == 0
    rotated = capsys.readouterr().out
    assert f"earlier  {first}" in rotated and not rotated.startswith(f"CA       {first}")

    assert in_directory("retire") == 0
    assert first not in capsys.readouterr().out
