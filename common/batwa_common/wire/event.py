"""Changes, as they are told to whoever watches."""

from typing import Any, Literal

from .base import Timestamp, Wire

EventKind = Literal["vm", "agent", "operation"]


class Event(Wire):
    """One change, in the order of `id`."""

    id: int
    """Grows by at least one with each event."""
    kind: EventKind
    """What changed."""
    action: Literal["changed", "removed"]
    """How."""
    subject: str
    """Which one: an agent's id, an operation's id, or `agent_id/vm_name`."""
    at: Timestamp
    """When the hub learned of it."""
    data: dict[str, Any] | None = None
    """The thing as it is now; None when it is no more."""
