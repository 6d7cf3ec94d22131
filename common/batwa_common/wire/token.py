"""API tokens: what scripts log in with."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from .agent import Tags, Text
from .base import Command, Timestamp, Wire
from .user import Role
from .vm import AgentId

LONGEST_S = 10 * 365 * 86400
"""The longest life a token may be given: ten years."""


class NewToken(Command):
    """Make a token for oneself."""

    name: Annotated[Text, StringConstraints(min_length=1)]
    """What people call it."""
    role: Role
    """What it may do; never more than its owner may at the time of use."""
    expires_in_s: int | None = Field(default=None, ge=1, le=LONGEST_S)
    """Seconds until it ends by itself; left out, it does not."""
    agents: Annotated[tuple[AgentId, ...], Field(min_length=1, max_length=256)] | None = None
    """The only agents whose things it sees; left out, all."""
    tags: Tags = Field(default_factory=dict)
    """It sees only agents that carry all of these."""

    @model_validator(mode="after")
    def _an_admin_sees_everything(self) -> Self:
        if self.role == "admin" and (self.agents is not None or self.tags):
            raise ValueError("a token with the role admin cannot be limited to some agents; make it operator")
        return self


class Token(Wire):
    """A token, without its secret."""

    id: str
    """Names the token."""
    name: str
    """What people call it."""
    owner: str
    """Whose it is: it may never do more than they, and ends with their account."""
    role: Role
    """What it may do, as far as its owner may."""
    agents: tuple[str, ...] | None
    """The only agents whose things it sees; None for all."""
    tags: dict[str, str]
    """It sees only agents that carry all of these."""
    created_at: Timestamp
    """When it was made."""
    expires_at: Timestamp | None
    """When it ends by itself; None if it does not."""
    last_used_at: Timestamp | None = None
    """When it was last used, to the minute; None if never."""


class IssuedToken(Token):
    """A token at the moment it is made: the only time its secret is shown."""

    token: str
    """The secret: send it as `Authorization: Bearer`, or as the password of HTTP Basic."""
