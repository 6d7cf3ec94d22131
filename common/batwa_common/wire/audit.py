"""The audit log: who did what, from where, and how it came out."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from .agent import Text
from .base import Timestamp, Wire, utc_now

AuditOutcome = Literal["done", "refused", "failed"]
"""`refused`: the caller may not, or showed no valid credential; `failed`: it was allowed and did not work."""

Word = Annotated[Text, StringConstraints(min_length=1)]


class AuditEntry(Wire):
    """What there is to record of one action."""

    at: Timestamp = Field(default_factory=utc_now)
    """When it was over."""
    who: str = ""
    """Who acted, as operations name them; empty for a stranger."""
    how: Literal["", "user", "token", "peer", "agent", "link", "console", "hub"] = ""
    """How they proved it: a login, an API token, a hub's signature, an agent's key, a link to a terminal;
    `console` is `batwa-hub` on the hub's machine, `hub` the hub by itself."""
    address: str | None = None
    """Where the request came from."""
    action: str
    """Method and path of the route, such as `POST /api/vm/start`, or what the hub or its console did."""
    target: str | None = None
    """What it was done to: a name or id."""
    agent_id: str | None = None
    """The agent it concerns, if the request named one."""
    outcome: AuditOutcome
    """How it came out."""
    status: int | None = None
    """The HTTP status of the answer."""
    code: str | None = None
    """The error's code, from `errors.py`."""
    request_id: str | None = None
    """Under which the hub's log has the request."""
    details: dict[str, Any] = Field(default_factory=dict)
    """What was asked for, without its secrets, and what came of it."""


class AuditRecord(AuditEntry):
    """An entry in its place in the log."""

    id: int
    """Position in the log: one more than the record before."""
    previous: str
    """The hash of the record before; 64 zeros for the first of all."""
    hash: str
    """SHA-256, in hex, over the JSON of this record without this field: keys sorted, no spaces, no nulls."""


class AuditFilter(Wire):
    """Which records: those for which all that is given is true."""

    who: Word | None = None
    """Exactly who."""
    how: Word | None = None
    """How they proved it."""
    action: Word | None = None
    """Part of the action, in any case."""
    target: Word | None = None
    """Exactly to what, for instance a VM's name or a terminal's id."""
    agent_id: Word | None = None
    """Exactly which agent."""
    outcome: AuditOutcome | None = None
    """How it came out."""
    address: Word | None = None
    """Exactly from where."""
    request_id: Word | None = None
    """Of one request."""
    since: Timestamp | None = None
    """From this time on."""
    until: Timestamp | None = None
    """Before this time."""


class AuditQuery(AuditFilter):
    """Query of `GET /api/audit`."""

    before: Annotated[int, Field(ge=1, lt=1 << 62)] | None = None
    """Only records older than this id: `next` of the page before."""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    """How many at most."""


class AuditPage(Wire):
    """Records, newest first."""

    records: tuple[AuditRecord, ...]
    next: int | None
    """Send it as `before` for the page after; None when there is none."""
