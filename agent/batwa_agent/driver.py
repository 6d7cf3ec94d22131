"""What runs VMs on this machine, as the rest of the agent sees it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from batwa_common.wire.agent import DriverStatus
from batwa_common.wire.vm import CreateVm, VmState


class Progress(NamedTuple):
    """How far a long call is, in Multipass's own words."""

    phase: str
    """For instance `Retrieving image`."""
    percent: float | None = None
    """Of this phase, 0 to 100; None where Multipass does not tell."""


OnProgress = Callable[[Progress], None]


class Listed(NamedTuple):
    """One line of the list that asks no instance."""

    name: str
    state: VmState
    release: str
    """Empty if Multipass does not know it."""


class Size(NamedTuple):
    """What a VM was given."""

    cpus: int
    memory_bytes: int
    disk_bytes: int


class Details(NamedTuple):
    """What only asking the instance can tell; fields are empty or None while it does not run."""

    state: VmState
    ipv4: tuple[str, ...]
    release: str
    image_release: str
    image_hash: str
    cpus: int | None
    load: tuple[float, ...]
    memory_bytes: int | None
    memory_used_bytes: int | None
    disk_bytes: int | None
    disk_used_bytes: int | None
    snapshot_count: int


class Driver(Protocol):
    """Every call has a deadline of its own and raises `DriverTimeout` past it.

    Also raised: `DriverUnavailable` (program missing, daemon down, client refused), `VmNotFound`,
    `VmExists`, `VmStateConflict`, `DriverRefused` (bad values) and `DriverFailed` (tried and failed),
    each with Multipass's own sentence. Cancelling a call ends the program that served it; what
    Multipass goes on doing is its own business.
    """

    async def status(self) -> DriverStatus:
        """Tell the version and whether it answers. Never raises."""
        ...

    async def list_vms(self) -> list[Listed]:
        """List all VMs, the trash included, without asking any instance."""
        ...

    async def size(self, name: str) -> Size:
        """Tell what *name* was given, also while it is stopped. Asks no instance."""
        ...

    async def details(self, name: str) -> Details:
        """Ask one instance. Slow, one at a time; a frozen instance ends in `DriverTimeout`."""
        ...

    async def launch(self, command: CreateVm, on_progress: OnProgress) -> None:
        """Create and start a VM; returns when it runs."""
        ...

    async def start(self, name: str, on_progress: OnProgress) -> None:
        """Start a stopped or suspended VM; returns when it runs."""
        ...

    async def stop(self, name: str, on_progress: OnProgress, *, force: bool) -> None:
        """Shut a VM down, or cut its power with *force*."""
        ...

    async def restart(self, name: str, on_progress: OnProgress) -> None:
        """Shut a running VM down and start it again."""
        ...

    async def suspend(self, name: str, on_progress: OnProgress) -> None:
        """Save a running VM to disk."""
        ...

    async def delete(self, name: str, *, purge: bool) -> None:
        """Move a VM to the trash, or remove this one for good. Never the global purge."""
        ...

    async def recover(self, name: str) -> None:
        """Bring a VM back from the trash."""
        ...

    def shell(self, name: str) -> Sequence[str]:
        """Return the argv of an interactive shell in *name*, for a pseudo-terminal."""
        ...

    def command(self, name: str, command: Sequence[str]) -> Sequence[str]:
        """Return the argv that runs *command* in *name*, word for word; `remote.told` reads its exit code."""
        ...
