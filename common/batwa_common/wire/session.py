"""Logins of people."""

from .base import Timestamp, Wire


class Session(Wire):
    """One login: a browser, or a program that logged in with a password."""

    id: str
    """Names the login; nobody can act with it."""
    username: str
    """Who logged in."""
    created_at: Timestamp
    """When."""
    last_seen_at: Timestamp
    """When it was last used, to the minute."""
    expires_at: Timestamp
    """When it ends by itself, used or not."""
    address: str | None
    """The network address it came from; None if not known."""
    client: str | None
    """What logged in, as it said itself (`User-Agent`); None if it said nothing."""
    current: bool = False
    """Whether it is the one that asks."""
