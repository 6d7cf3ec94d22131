"""Long work as an object."""

from typing import Literal

from pydantic import Field

from .base import Command, Timestamp, Wire
from .problem import Failure
from .vm import Vm, VmCommand

OperationKind = Literal["create", "start", "stop", "restart", "suspend", "delete", "recover"]
OperationState = Literal["queued", "running", "succeeded", "failed", "cancelled"]

ENDED: frozenset[OperationState] = frozenset({"succeeded", "failed", "cancelled"})


class LogLine(Wire):
    """One line of an operation's log."""

    at: Timestamp
    """When it happened."""
    text: str
    """What happened, in Multipass's words or ours."""


class Operation(Wire):
    """A job on one VM: what was asked, how far it is, how it ended."""

    id: str
    """Unique; made by the hub, and the same at the agent."""
    kind: OperationKind
    """What it does."""
    vm_name: str
    """To which VM."""
    agent_id: str | None = None
    """On which agent; None is the local one."""
    agent_hostname: str = "local"
    """That agent's host name; `local` for the local one."""
    state: OperationState
    """Where it stands. The last three are final."""
    percent: float | None = None
    """How far the present phase is, 0 to 100; None where Multipass does not tell."""
    phase: str | None = None
    """What it is doing, for instance `Retrieving image`; None before it starts."""
    error: Failure | None = None
    """Why it failed; None unless it did."""
    vm: Vm | None = None
    """The VM as it was when the operation succeeded; None until then, and if there is none left."""
    requested_by: str = ""
    """Who asked."""
    created_at: Timestamp
    """When it was asked for."""
    started_at: Timestamp | None = None
    """When work began."""
    ended_at: Timestamp | None = None
    """When it reached a final state."""
    revision: int = 0
    """Grows with every change; `GET /api/operations/{id}?after_revision=` waits for the next."""
    log: tuple[LogLine, ...] = ()
    """The last lines, oldest first; bounded."""

    @property
    def has_ended(self) -> bool:
        """Whether `state` is final."""
        return self.state in ENDED


class OperationsQuery(Command):
    """How many operations to list."""

    limit: int = Field(default=100, ge=0, le=1000)
    """Most operations in the answer."""


class OperationQuery(Command):
    """Whether to wait for news of an operation."""

    after_revision: int | None = Field(default=None, ge=0, le=2**53)
    """Wait until `revision` is more than this."""
    wait_s: float = Field(default=0.0, ge=0, le=25)
    """Longest wait, in seconds; below the idle time-outs of common proxies."""


class SubmitOperation(Command):
    """Hub to agent: do this under this id, or tell how far it is if it is known already."""

    command: VmCommand
    """What to do."""
    requested_by: str = ""
    """Who asked the hub."""
