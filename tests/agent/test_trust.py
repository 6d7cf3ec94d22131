"""Which hub an agent believes, before and after the hub's CA changes."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from batwa_agent.trust import Trust
from batwa_common.settings import SettingsError
from batwa_common.tls import bundle_id
from batwa_hub.tls.certificates import OwnAuthority


@pytest.fixture
def own(tmp_path: Path) -> OwnAuthority:
    return OwnAuthority(tmp_path / "hub")


@pytest.fixture
def file(tmp_path: Path, own: OwnAuthority) -> Path:
    file = tmp_path / "agent" / "ca.pem"
    file.parent.mkdir()
    file.write_text(own.authority().bundle())
    return file


async def test_what_a_believed_hub_tells_is_kept_and_used(own: OwnAuthority, file: Path) -> None:
    trust = Trust(file, file.parent)
    await trust.load()
    before = trust.context
    new = (await asyncio.to_thread(own.rotate)).bundle()

    await trust.learn(new)

    assert trust.context is not before and trust.bundle_id == bundle_id(new)
    again = Trust(file, file.parent)
    await again.load()
    assert again.bundle_id == bundle_id(new)


async def test_nonsense_is_not_learned(file: Path) -> None:
    trust = Trust(file, file.parent)
    await trust.load()
    before = trust.bundle_id, await asyncio.to_thread(file.read_text)

    with capture_logs() as logs:
        await trust.learn("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    assert (trust.bundle_id, await asyncio.to_thread(file.read_text)) == before
    assert [line["event"] for line in logs] == ["ca.not_learned"]


async def test_a_file_elsewhere_is_its_operators_to_change(
    own: OwnAuthority, file: Path, tmp_path: Path
) -> None:
    trust = Trust(file, tmp_path / "data")
    await trust.load()
    before = trust.context
    assert trust.bundle_id is None  # so the hub tells nothing

    new = (await asyncio.to_thread(own.rotate)).bundle()
    await trust.learn(new)
    assert trust.context is before

    await asyncio.to_thread(file.write_text, new)
    await trust.look_again()
    assert trust.context is not before


async def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    with pytest.raises(SettingsError, match=r"ca\.pem.*no certificate"):
        await Trust(tmp_path / "ca.pem", tmp_path).load()
