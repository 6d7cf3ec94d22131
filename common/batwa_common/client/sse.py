"""Server-sent events, parsed: bytes in, blocks out. No I/O here. Source: the HTML standard, 9.2.6."""

from collections.abc import Iterator
from typing import NamedTuple

from batwa_common.errors import HubMisbehaved

MAX_BLOCK_BYTES = 4 << 20
"""Bound of one event; an agent's is a few kilobytes."""


class Block(NamedTuple):
    """What stood between two empty lines."""

    id: str | None
    """None where it has none: the last one stays in force."""
    event: str
    data: str
    """Empty where there is none: then it is no event."""


class SseParser:
    """Feed it chunks as they come; it yields each block that is whole."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """Take *chunk* and yield what it completes. Raises `HubMisbehaved` if a block outgrows its bound."""
        self._rest = (self._rest + chunk).replace(b"\r\n", b"\n")
        *blocks, self._rest = self._rest.split(b"\n\n")
        if len(self._rest) > MAX_BLOCK_BYTES:
            raise HubMisbehaved("the hub's event stream has an event without an end")
        for block in blocks:
            yield _parsed(block.decode("utf-8", "replace"))


def _parsed(text: str) -> Block:
    id_, event, data = None, "message", []
    for line in text.split("\n"):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "id":
                id_ = value
            case "event":
                event = value
            case "data":
                data.append(value)
            case _:  # a comment, or something newer
                pass
    return Block(id_, event, "\n".join(data))
