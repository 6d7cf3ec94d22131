"""What became of an operation that was running when the agent died. Pure: only what the list shows."""

from typing import NamedTuple

from batwa_common.web.vms import AnyCommand
from batwa_common.wire.vm import CreateVm, DeleteVm, RecoverVm, RestartVm, StartVm, StopVm, SuspendVm, VmState

_MOVING: frozenset[VmState] = frozenset(
    {"Starting", "Restarting", "Suspending", "Delayed Shutdown", "Unknown"}
)
STOP_PATIENCE_S = 330.0
"""A guest may take five minutes to shut down, and Multipass shows it as Running all the while."""


class Sight(NamedTuple):
    """What repeated looks at the list showed."""

    state: VmState | None
    """Of the VM now; None if it is not listed."""
    same_looks: int
    """How many looks in a row showed that."""
    waited_s: float
    """Since the first look."""


class Patience(NamedTuple):
    """How long to look before it is settled."""

    looks: int
    """Looks in a row that must agree before something unwanted is believed."""
    moving_s: float
    """How long a VM may be on its way."""


def reached(command: AnyCommand, sight: Sight, patience: Patience) -> bool:
    """Whether what *command* wanted is so."""
    match command:
        case CreateVm() | StartVm():
            return sight.state == "Running"
        case RestartVm():  # Running may still be the time before
            return sight.state == "Running" and sight.same_looks >= patience.looks
        case StopVm():
            return sight.state == "Stopped"
        case SuspendVm():
            return sight.state == "Suspended"
        case DeleteVm(purge=purge):
            return sight.state is None or (not purge and sight.state == "Deleted")
        case RecoverVm():
            return sight.state not in {None, "Deleted"}


def objection(command: AnyCommand, name: str, sight: Sight, patience: Patience) -> str | None:
    """Return why *command* counts as failed, as a sentence; None while it may still be under way."""
    if sight.same_looks < patience.looks or sight.waited_s < _least_s(command, sight, patience):
        return None
    found = f"VM '{name}' is {sight.state}" if sight.state else f"there is no VM '{name}'"
    advice = "Create it again" if isinstance(command, CreateVm) and not sight.state else "Look, and ask again"
    return f"The agent was restarted during this {command.kind}, and now {found}. {advice}."


def _least_s(command: AnyCommand, sight: Sight, patience: Patience) -> float:
    if sight.state in _MOVING:
        return patience.moving_s
    if isinstance(command, StopVm) and sight.state == "Running":
        return min(STOP_PATIENCE_S, patience.moving_s)
    return 0.0
