"""API tokens: what scripts log in with."""

from typing import Annotated

from pydantic import Field, StringConstraints

from .agent import Text
from .base import Timestamp, Wire
from .user import Permissions, Role

LONGEST_S = 10 * 365 * 86400
"""The longest life a token may be given: ten years."""


class NewToken(Permissions):
    """Make a token for oneself; it never may more than its owner may at the time of use."""

    name: Annotated[Text, StringConstraints(min_length=1)]
    """What people call it."""
    expires_in_s: int | None = Field(default=None, ge=1, le=LONGEST_S)
    """Seconds until it ends by itself; left out, it does not."""


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
    terminals: bool
    """Whether it may open terminals and run commands, as far as its owner may."""
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
