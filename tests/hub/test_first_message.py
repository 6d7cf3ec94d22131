"""What is said first on a WebSocket is read on its way, as whoever it is for reads it, and not altered."""

import os

import pytest
from aiohttp import EofStream, WebSocketError

from batwa_hub.transport.first_message import HELD_BYTES, MESSAGE_BYTES, FirstMessage

TEXT, BINARY, MORE, PING = 1, 2, 0, 9


def frame(kind: int, data: bytes, *, last: bool = True) -> bytes:
    """A frame as browsers send it (RFC 6455, 5.2)."""
    mask, size = os.urandom(4), len(data)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = b"\xfe" + size.to_bytes(2)
    else:
        length = b"\xff" + size.to_bytes(8)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    return bytes([(0x80 if last else 0) | kind]) + length + mask + masked


@pytest.mark.parametrize("piece", [1, 7, 10_000])
async def test_a_message_in_pieces_with_pings_between_is_read_whole(piece: int) -> None:
    sent = (
        frame(PING, b"?") + frame(TEXT, b"rm ", last=False) + frame(PING, b"") + frame(MORE, "-rf é".encode())
    )
    sent += frame(BINARY, b"what follows")
    first = FirstMessage()

    assert all(first.feed(sent[at : at + piece]) for at in range(0, len(sent), piece))

    assert await first.text() == "rm -rf é"
    assert first.held == sent


async def test_what_is_no_text_is_passed_on_without_a_word() -> None:
    first = FirstMessage()
    first.feed(frame(BINARY, b"bytes"))

    assert await first.text() is None


async def test_who_goes_before_saying_anything_has_said_nothing() -> None:
    first = FirstMessage()
    first.feed(frame(TEXT, b"half")[:5])
    first.end()

    with pytest.raises(EofStream):
        await first.text()


@pytest.mark.parametrize(
    "sent",
    [frame(TEXT, b"x" * (MESSAGE_BYTES + 1)), frame(TEXT, b"\xff"), frame(MORE, b"x"), b"\xff" * 20],
    ids=["too long", "no UTF-8", "no beginning", "no frame"],  # frames are masked at random
)
async def test_what_no_agent_would_take_is_not_passed_on(sent: bytes) -> None:
    first = FirstMessage()
    first.feed(sent)

    with pytest.raises(WebSocketError):
        await first.text()


async def test_what_comes_before_the_first_message_is_known_is_bounded() -> None:
    first, ping = FirstMessage(), frame(PING, b"x" * 125)

    assert not all(first.feed(ping) for _ in range(HELD_BYTES // len(ping) + 1))
