"""How a machine joins: a token made at the hub, pasted on the machine, spent there."""

import base64
import json
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from .agent import Origin, Tags, Text
from .base import Command, Timestamp, Wire
from .vm import AgentId

PREFIX = "bjt_"
"""Tells a join token from other secrets, for people and for programs that look for leaked ones."""
LONGEST_S = 30 * 86400
"""The longest life a join token may be given: thirty days."""

AgentSecret = Annotated[str, StringConstraints(pattern=r"^bak_[A-Za-z0-9_-]{43}$")]
"""A key as an agent makes it for itself: `bak_` and 256 random bits in base64url."""


class NewJoinToken(Command):
    """Let a machine join."""

    name: Annotated[Text, StringConstraints(min_length=1)] | None = None
    """What people are to call the machine; left out, its host name. With several uses: the token's name."""
    agent_id: AgentId | None = None
    """The id it gets; an agent that has it is replaced, and its keys end when the new one registers. Left
    out, an id that is free, made of the name or host name."""
    tags: Tags = Field(default_factory=dict)
    """What the hub says of each machine that joins with it; the machine cannot change that."""
    expires_in_s: int = Field(default=3600, ge=1, le=LONGEST_S)
    """Seconds until it ends by itself."""
    uses: int = Field(default=1, ge=1, le=1000)
    """Machines that may join with it."""


class JoinToken(Wire):
    """A join token, without its secret."""

    id: str
    """Names the token."""
    name: str | None
    """What people call the machine, or the token if it is for several."""
    agent_id: str | None
    """The id a machine gets; None for a free one."""
    tags: dict[str, str]
    """What the hub says of each machine that joins with it."""
    uses: int
    """Machines that may join with it."""
    uses_left: int
    """Of them, those that have not yet."""
    created_by: str
    """Who made it."""
    created_at: Timestamp
    """When it was made."""
    expires_at: Timestamp
    """When it ends by itself."""


class IssuedJoinToken(JoinToken):
    """A join token at the moment it is made: the only time its secret is shown."""

    token: str
    """The token: one word, safe to paste."""
    command: str
    """What to type on the machine that is to join."""
    hubs: tuple[str, ...]
    """Where that machine will look for the hub, in this order."""
    advice: str | None = None
    """What is to be done at the hub first, if no other machine reaches it at any of `hubs`."""


class JoinTicket(Wire):
    """What is in a join token."""

    v: Literal[1] = 1
    """Its format."""
    hubs: Annotated[tuple[Origin, ...], Field(min_length=1, max_length=8)]
    """Where the hub is, to be tried in this order."""
    fp: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the hub's own CA certificate (DER); None if the system's trust store is to be asked."""
    secret: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
    """256 random bits that the hub knows by their hash."""

    def to_text(self) -> str:
        """Return the token."""
        content = self.model_dump_json(exclude_none=True).encode()
        return PREFIX + base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a token. Raises ValueError with what to do."""
        word = "".join(text.split()).removeprefix(PREFIX)
        try:
            return cls.model_validate(json.loads(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))))
        except ValueError as err:  # not base64, not JSON, not this shape
            raise ValueError(
                f"that is no join token; copy the whole word that begins with {PREFIX}, or make a new one"
                " with `batwa agent add`"
            ) from err


class Join(Wire):
    """A machine joins. Unknown keys are ignored: the agent may be newer than the hub."""

    secret: Annotated[str, StringConstraints(max_length=100)] = Field(repr=False)
    """The secret of its join token."""
    api_key: AgentSecret = Field(repr=False)
    """The key it has made for itself, and will send as `X-API-Key`."""
    hostname: Text
    """What it calls itself."""
    agent_id: AgentId | None = None
    """The id it had or wants; left out, the hub chooses."""
    former_key: str | None = Field(default=None, repr=False, max_length=100)
    """The key it had here, which lets it keep its id."""


class Joined(Wire):
    """What the hub says to a machine that has joined."""

    agent_id: str
    """Who it is from now on."""
    name: str | None = None
    """What people call it; None for its host name."""
    status: Literal["approved", "waiting"]
    """`waiting` until an administrator approves it; it may run and beat meanwhile."""
    ca: str | None = None
    """The CAs to believe, PEM; None for the system's."""


class ChangeAgent(Command):
    """Say something else of an agent; what is left out stays."""

    name: Text | None = None
    """What people call it; empty for its own host name."""
    tags: Tags | None = None
    """What the hub says of it, besides its own tags; these win."""


class ReplaceKey(Command):
    """An agent takes another key."""

    api_key: AgentSecret = Field(repr=False)
    """The key it has made for itself. The present one ends when it registers with this one."""
