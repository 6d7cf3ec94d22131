"""Links that let somebody without an account watch a terminal, or type in it."""

from typing import Literal

from pydantic import Field

from .base import Command, Timestamp, Wire
from .terminal import TerminalViewer

ShareMode = Literal["read", "write"]
"""Whether whoever has the link only watches, or types as well."""


class NewShare(Command):
    """Share a terminal."""

    mode: ShareMode = "read"
    """What the link allows."""
    expires_in_s: float = Field(default=3600.0, ge=1, le=30 * 86_400)
    """Seconds until it ends, with everything open through it."""


class Share(Wire):
    """A link, without its secret."""

    id: str
    """Names it."""
    terminal_id: str
    """What it opens."""
    mode: ShareMode
    """What it allows."""
    created_by: str
    """Who made it."""
    created_at: Timestamp
    """When it was made."""
    expires_at: Timestamp
    """When it ends."""
    viewers: tuple[TerminalViewer, ...] = ()
    """Who watches by it now."""


class IssuedShare(Share):
    """A link at the moment it is made: the only time its secret is shown."""

    token: str
    """For `/ws?share=`."""
    url: str
    """For a browser; the secret is in its fragment, which no server is sent."""
