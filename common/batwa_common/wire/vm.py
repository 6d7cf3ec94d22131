"""Virtual machines, and what can be asked of them."""

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints

from .base import Command, Timestamp, Wire

RESERVED_NAMES = frozenset({"list", "info", "create", "start", "stop", "delete"})
"""Paths of the documented API; a VM of such a name could not be addressed."""

VmState = Literal[
    "Running",
    "Stopped",
    "Starting",
    "Restarting",
    "Suspending",
    "Suspended",
    "Delayed Shutdown",
    "Deleted",
    "Unknown",
]
"""States as Multipass spells them. `Deleted` is in the trash and can be recovered."""

VM_STATES: frozenset[str] = frozenset(get_args(VmState))

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])i?)?B?", re.IGNORECASE | re.ASCII)
_FACTOR = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size_bytes(size: str) -> int:
    """Return the bytes that *size* means: `2G`, `512M`, `1.5G`, `1073741824`. Raises ValueError.

    Units are powers of 1024, as Multipass reads them.
    """
    if (match := _SIZE.fullmatch(size.strip())) is None:
        raise ValueError(f"{size!r} is not a size; write a number with K, M or G, such as 2G")
    return int(float(match[1]) * _FACTOR[(match[2] or "").upper()])


def size_text(size: int) -> str:
    """Return *size* bytes as Multipass takes them, in the largest unit that is exact."""
    for unit in "GMK":
        if size and size % _FACTOR[unit] == 0:
            return f"{size // _FACTOR[unit]}{unit}"
    return str(size)


def _size(value: str) -> str:
    if size_bytes(value) <= 0:
        raise ValueError("a size must be more than nothing")
    return value


def _not_reserved(name: str) -> str:
    if name in RESERVED_NAMES:
        raise ValueError(f"{name!r} is reserved (it is a path of the API); choose another name")
    return name


VmName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?$", max_length=100)]
"""A letter, then letters, digits and hyphens, not ending in a hyphen (Multipass's rule); 100 at most."""

NewVmName = Annotated[VmName, AfterValidator(_not_reserved)]
"""A name that a new VM may take."""

AgentId = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=64)
]
"""Letters, digits, dots, underscores and hyphens, beginning and ending with a letter or digit; 64 at most."""

Size = Annotated[str, StringConstraints(max_length=32), AfterValidator(_size)]
"""Bytes as Multipass writes them: a number with K, M, G or nothing (`2G`, `1.5G`, `512M`)."""

Image = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@%+~=,?&-]*$", max_length=1024)]
"""A release (`22.04`), an alias (`jammy`), `remote:name`, or a `file://`, `http://` or `https://` URL."""


class Vm(Wire):
    """One virtual machine, as its agent last saw it."""

    id: str
    """Stable for the life of the VM; another VM of the same name later has another id."""
    name: str
    """Unique on its agent. Source: `multipass list --format json`, key `name`."""
    state: VmState
    """As Multipass last told it; an unknown word reads as `Unknown`."""
    ipv4: tuple[str, ...] = ()
    """Addresses, the last known ones while it runs; empty otherwise."""
    release: str = ""
    """What runs in it, for instance `Ubuntu 24.04 LTS`; empty if never seen running."""
    cpus: int | None = None
    """Number of virtual CPUs; None if unknown."""
    memory_bytes: int | None = None
    """Memory given to it, in bytes; None if unknown."""
    disk_bytes: int | None = None
    """Size of its disk, in bytes; None if unknown."""
    created_at: Timestamp | None = None
    """When the agent created it or first saw it."""
    running_since: Timestamp | None = None
    """When the agent saw it begin to run; None while it does not, and if that was not seen."""


class VmInfo(Vm):
    """A VM with what only asking it can tell. Source: `multipass info NAME --format json`."""

    image_release: str = ""
    """The release of the image it was made from, for instance `24.04 LTS`."""
    image_hash: str = ""
    """SHA-256 of that image."""
    load: tuple[float, ...] = ()
    """Load averages over 1, 5 and 15 minutes; empty while it does not run."""
    memory_used_bytes: int | None = None
    """Memory in use, in bytes; None while it does not run."""
    disk_used_bytes: int | None = None
    """Disk in use, in bytes; None while it does not run."""
    snapshot_count: int = 0
    """Snapshots taken of it."""


class _OnVm(Command):
    name: VmName
    """The VM's name or id."""
    agent_id: AgentId | None = None
    """The agent that has it. Left out: the local agent's VM of that name, else the only one in the fleet."""


class CreateVm(Command):
    """Make a VM and start it."""

    kind: Literal["create"] = "create"
    """Which command this is."""
    name: NewVmName
    """Free on that agent, also in its trash."""
    cpus: int = Field(default=1, ge=1, le=512)
    """Number of virtual CPUs."""
    memory: Size = "1G"
    """Memory; Multipass wants at least 128M."""
    disk: Size = "5G"
    """Disk; Multipass wants at least 512M and no less than the image."""
    image: Image | None = None
    """What to start from; None is Multipass's default, the current Ubuntu LTS."""
    cloud_init: Annotated[str, StringConstraints(max_length=64 << 10)] | None = Field(
        default=None, repr=False
    )
    """User data for cloud-init, a YAML document."""
    agent_id: AgentId | None = None
    """Where to make it. Left out: the local agent."""


class StartVm(_OnVm):
    """Start a stopped or suspended VM."""

    kind: Literal["start"] = "start"
    """Which command this is."""


class StopVm(_OnVm):
    """Shut a running VM down."""

    kind: Literal["stop"] = "stop"
    """Which command this is."""
    force: bool = False
    """Cut the power instead of asking the guest."""


class RestartVm(_OnVm):
    """Shut a running VM down and start it again."""

    kind: Literal["restart"] = "restart"
    """Which command this is."""


class SuspendVm(_OnVm):
    """Save a running VM's memory to disk and stop it."""

    kind: Literal["suspend"] = "suspend"
    """Which command this is."""


class DeleteVm(_OnVm):
    """Move a VM to the trash, from which it can be recovered."""

    kind: Literal["delete"] = "delete"
    """Which command this is."""
    purge: bool = False
    """Remove this VM for good, also when it is in the trash already. No other VM is touched."""


class RecoverVm(_OnVm):
    """Bring a VM back from the trash, stopped."""

    kind: Literal["recover"] = "recover"
    """Which command this is."""


VmCommand = Annotated[
    CreateVm | StartVm | StopVm | RestartVm | SuspendVm | DeleteVm | RecoverVm, Field(discriminator="kind")
]
"""All that changes a VM; each becomes an operation."""
