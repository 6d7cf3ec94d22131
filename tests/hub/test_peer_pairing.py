"""Pairing codes: short, once, not for long, and worth nothing to whoever stands in between."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from batwa_common.errors import Conflict, InvalidRequest, PairingRefused
from batwa_common.wire.base import utc_now
from batwa_common.wire.peer import PairingClaim, PeerIdentity
from batwa_hub.secrets import KeyFileUnusable
from batwa_hub.services.peering.identity import (
    Identity,
    fingerprint_of,
    is_fingerprint,
    open_identity,
    peer_id_of,
)
from batwa_hub.services.peering.pairing import (
    LIVES_S,
    MOST_ATTEMPTS,
    MOST_CODES,
    PairingCodes,
    check_grant,
    derived_key,
    new_claim,
    new_code,
)
from batwa_hub.store.database import Database


def someone(name: str) -> PeerIdentity:
    return Identity(Ed25519PrivateKey.generate()).shown(name, "1")


OSLO, ROME, MALLORY = someone("oslo"), someone("rome"), someone("mallory")
CIPHER = MultiFernet([Fernet(Fernet.generate_key())])


@pytest.fixture
def codes(database: Database) -> PairingCodes:
    return PairingCodes(OSLO, database, CIPHER)


def claim(code: str, own: PeerIdentity = ROME, maker: PeerIdentity = OSLO) -> tuple[bytes, PairingClaim]:
    key = derived_key(code, maker.public_key)
    return key, new_claim(key, maker.public_key, own, port=8000, url=None)


async def test_both_sides_prove_that_they_have_the_code(codes: PairingCodes) -> None:
    made = await codes.make("viewer")
    key, claimed = claim(made.code.lower().replace("-", " "))

    granted = await codes.redeem(claimed)

    assert granted.role == "viewer"
    check_grant(key, OSLO.public_key, claimed, granted.grant)


async def test_a_code_is_good_once(codes: PairingCodes) -> None:
    _, claimed = claim((await codes.make("viewer")).code)
    await codes.redeem(claimed)

    with pytest.raises(PairingRefused):
        await codes.redeem(claimed)


async def test_a_code_ends_by_itself(database: Database) -> None:
    now = utc_now()
    codes = PairingCodes(OSLO, database, CIPHER, now=lambda: now)
    _, claimed = claim((await codes.make("viewer")).code)
    now += timedelta(seconds=LIVES_S + 1)

    with pytest.raises(PairingRefused):
        await codes.redeem(claimed)


async def test_a_code_is_withdrawn_after_ten_wrong_attempts(codes: PairingCodes) -> None:
    _, claimed = claim((await codes.make("viewer")).code)
    _, wrong = claim(new_code())
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(PairingRefused):
            await codes.redeem(wrong)

    with pytest.raises(PairingRefused):
        await codes.redeem(claimed)


async def test_few_codes_are_open_at_a_time(codes: PairingCodes) -> None:
    for _ in range(MOST_CODES):
        await codes.make("viewer")

    with pytest.raises(Conflict):
        await codes.make("viewer")


async def test_someone_in_between_cannot_put_their_own_key_or_address_in(codes: PairingCodes) -> None:
    _, claimed = claim((await codes.make("admin")).code)

    for change in ({"public_key": MALLORY.public_key}, {"port": 9000}, {"url": "http://m"}, {"name": "m"}):
        with pytest.raises(PairingRefused):
            await codes.redeem(claimed.model_copy(update=change))


async def test_a_claim_made_to_an_impostor_is_worth_nothing_at_the_real_hub(codes: PairingCodes) -> None:
    _, claimed = claim((await codes.make("admin")).code, maker=MALLORY)

    with pytest.raises(PairingRefused):
        await codes.redeem(claimed)


async def test_an_impostor_without_the_code_cannot_grant(database: Database) -> None:
    codes = PairingCodes(MALLORY, database, CIPHER)
    _, guessed = claim((await codes.make("admin")).code, maker=MALLORY)
    key, claimed = claim(new_code(), maker=MALLORY)

    with pytest.raises(PairingRefused, match="does not have the code"):
        check_grant(key, MALLORY.public_key, claimed, (await codes.redeem(guessed)).grant)


@pytest.mark.parametrize("code", ["", "1234", "ABCD-EFGH-JKL1", "ABCD-EFGH-JKLM-N"])
def test_what_cannot_be_a_code_is_said_to_be_none(code: str) -> None:
    with pytest.raises(InvalidRequest, match="letters and digits"):
        derived_key(code, OSLO.public_key)


def test_an_identity_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    file = tmp_path / "data" / "identity.key"
    made = open_identity(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert open_identity(file).id == made.id == peer_id_of(made.public_key)
    assert is_fingerprint(fingerprint_of(made.public_key).lower().replace(" ", ":"), made.public_key)
    file.chmod(0o640)
    with pytest.raises(KeyFileUnusable, match="chmod 600"):
        open_identity(file)
    file.chmod(0o600)
    file.write_text("nothing")
    with pytest.raises(KeyFileUnusable, match="Restore it"):
        open_identity(file)


@given(st.text(max_size=80))
def test_no_other_text_is_a_fingerprint(text: str) -> None:
    assert not is_fingerprint(text, OSLO.public_key)
