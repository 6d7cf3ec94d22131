"""Changes, as they are told to whoever watches."""

from typing import Any, Literal

from .base import Command, Timestamp, Wire

EventKind = Literal["vm", "agent", "operation", "peer", "message"]


class Event(Wire):
    """One change, in the order of `id`."""

    id: int
    """Grows by at least one with each event."""
    kind: EventKind
    """What changed."""
    action: Literal["changed", "removed"]
    """How."""
    subject: str
    """Which one: the id of an agent, operation, peer or message, or `agent_id/vm_name`."""
    at: Timestamp
    """When the hub learned of it."""
    data: dict[str, Any] | None = None
    """The thing as it is now; None when it is no more."""


class EventsQuery(Command):
    """Where to begin."""

    last_event_id: str | None = None
    """The id of the last event seen, a whole number; the header `Last-Event-ID` comes first."""
