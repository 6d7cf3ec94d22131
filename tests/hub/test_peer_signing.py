"""Signatures between hubs: good once, for one request, to one hub, for a minute."""

from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from batwa_common.errors import PeerMisbehaved, PeerNotTrusted, SignatureRefused
from batwa_hub.services.peering.identity import Identity
from batwa_hub.services.peering.replays import Replays
from batwa_hub.store.database import Database
from batwa_hub.store.tables import peer_requests
from batwa_hub.transport.signing import SKEW_S, VALID_S, Sent, Signatures

PATH = "/api/vm/stop?x=1"
BODY = b'{"name": "web"}'


@dataclass
class World:
    """Three hubs that trust each other, and one clock for all."""

    now_s: float = 1_800_000_000.0
    ids: dict[str, Identity] = field(default_factory=dict)
    trusted: dict[str, str] = field(default_factory=dict)
    hubs: dict[str, Signatures] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("oslo", "rome", "lima"):
            self.ids[name] = identity = Identity(Ed25519PrivateKey.generate())
            self.trusted[identity.id] = identity.public_key
            self.start(name)

    def start(self, name: str) -> None:
        self.hubs[name] = Signatures(self.ids[name], self.trusted.get, now=lambda: self.now_s)

    def sign(self, sender: str, receiver: str, *, method: str = "POST", path: str = PATH) -> Sent:
        to = self.ids[receiver].id
        return self.hubs[sender].sign_request(to, method, path, BODY, on_behalf_of="ann")

    def check(self, receiver: str, token: str, *, path: str = PATH, body: bytes = BODY) -> str:
        return self.hubs[receiver].check_request(token, "POST", path, body).peer_id


@pytest.fixture
def world() -> World:
    return World()


def test_a_good_request_tells_who_signed_it_and_for_whom(world: World) -> None:
    signer = world.hubs["rome"].check_request(world.sign("oslo", "rome").token, "POST", PATH, BODY)

    assert (signer.peer_id, signer.on_behalf_of) == (world.ids["oslo"].id, "ann")


async def test_a_request_is_good_once_at_whichever_process_and_is_forgotten_when_it_has_expired(
    database: Database, url: str
) -> None:
    now_s = 1_800_000_000.0
    here = Replays(database, now=lambda: now_s)
    await here.refuse("oslo", "1", good_until_s=now_s + VALID_S)
    await here.refuse("rome", "1", good_until_s=now_s + VALID_S)

    async with await Database.open(url) as theirs:
        there = Replays(theirs, now=lambda: now_s + VALID_S)
        with pytest.raises(SignatureRefused, match="replayed"):
            await there.refuse("oslo", "1", good_until_s=now_s + VALID_S)

    now_s += VALID_S + 2 * SKEW_S
    await here.refuse("oslo", "2", good_until_s=now_s + VALID_S)
    async with database.reading() as connection:
        kept = (await connection.execute(sa.select(peer_requests.c.peer_id, peer_requests.c.jti))).all()
    assert [tuple(row) for row in kept] == [("oslo", "2")]


@pytest.mark.parametrize("seconds", [VALID_S + 1, -SKEW_S - 1])
def test_an_expired_request_and_one_from_the_future_are_refused(world: World, seconds: float) -> None:
    token = world.sign("oslo", "rome").token
    world.now_s += seconds

    with pytest.raises(SignatureRefused, match=r"expired|future"):
        world.check("rome", token)


def test_a_misaddressed_request_is_refused(world: World) -> None:
    with pytest.raises(SignatureRefused, match="addressed to"):
        world.check("lima", world.sign("oslo", "rome").token)


@pytest.mark.parametrize("change", [{"path": "/api/vm/stop?x=2"}, {"body": b'{"name": "db"}'}])
def test_an_altered_request_is_refused(world: World, change: dict[str, str]) -> None:
    with pytest.raises(SignatureRefused, match="altered"):
        world.check("rome", world.sign("oslo", "rome").token, **change)  # type: ignore[arg-type]  # path or body


def test_another_method_than_the_signed_one_is_refused(world: World) -> None:
    with pytest.raises(SignatureRefused, match="altered"):
        world.check("rome", world.sign("oslo", "rome", method="GET").token)


def test_an_impostor_with_another_key_is_refused(world: World) -> None:
    oslo = world.ids["oslo"].id
    impostor = Signatures(Identity(Ed25519PrivateKey.generate()), world.trusted.get, now=lambda: world.now_s)
    impostor._id = oslo  # it claims to be oslo, and has not its key

    with pytest.raises(SignatureRefused, match="does not fit"):
        world.check("rome", impostor.sign_request(world.ids["rome"].id, "POST", PATH, BODY).token)


def test_an_unknown_hub_and_a_revoked_one_are_refused(world: World) -> None:
    token = world.sign("oslo", "rome").token
    del world.trusted[world.ids["oslo"].id]

    with pytest.raises(PeerNotTrusted):
        world.check("rome", token)


@given(at=st.integers(0, 600), letter=st.sampled_from("AZaz09-_."))
def test_no_token_with_another_letter_in_it_passes(at: int, letter: str) -> None:
    world = World()
    token = world.sign("oslo", "rome").token
    at %= len(token)
    altered = token[:at] + letter + token[at + 1 :]
    if altered == token or at == len(token) - 1:  # the last letter has bits that mean nothing
        return

    with pytest.raises((SignatureRefused, PeerNotTrusted)):
        world.check("rome", altered)


@given(st.text(max_size=200))
def test_no_nonsense_passes_or_breaks_anything(token: str) -> None:
    with pytest.raises((SignatureRefused, PeerNotTrusted)):
        World().check("rome", token)


def test_an_answer_proves_itself_once_for_its_request(world: World) -> None:
    oslo, rome = world.hubs["oslo"], world.hubs["rome"]
    first, second = world.sign("oslo", "rome"), world.sign("oslo", "rome")
    signer = rome.check_request(first.token, "POST", PATH, BODY)
    answer = rome.sign_answer(signer, 200, b"done")
    rome_id = world.ids["rome"].id

    oslo.check_answer(rome_id, first, answer, 200, b"done")
    for sent, status, body in ((second, 200, b"done"), (first, 404, b"done"), (first, 200, b"gone")):
        with pytest.raises(PeerMisbehaved):
            oslo.check_answer(rome_id, sent, answer, status, body)
    forged = world.hubs["lima"].sign_answer(signer, 200, b"done")
    with pytest.raises(PeerMisbehaved, match="does not have its key"):
        oslo.check_answer(rome_id, first, forged, 200, b"done")
    with pytest.raises(PeerMisbehaved):  # a request is no answer
        oslo.check_answer(rome_id, first, world.sign("rome", "oslo").token, 200, b"done")
