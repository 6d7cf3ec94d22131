"""VMs as the second documented API tells them (`/api/vm`): its shapes, its units, and how ours become them.

Memory is in MB and disks are in GB, both powers of 1024 as Multipass reads them. What we ask for is
exact; what is told of a VM that somebody gave an odd size is rounded to the nearest, and at least 1.
"""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from .agent import Text
from .base import Command, Timestamp, Wire, utc_now
from .documented import ListedVm
from .operation import Operation
from .vm import (
    VM_STATES,
    AgentId,
    CreateVm,
    Image,
    NewVmName,
    Vm,
    VmState,
    size_bytes,
    size_text,
)

MB, GB = 1 << 20, 1 << 30
NETWORK = "default"
"""The one network there is: where Multipass puts a VM that asks for none."""
UNKNOWN = "unknown"
"""The hypervisor of an agent that does not tell."""
_SAME_HYPERVISOR = {"qemu": "kvm"}
"""On Linux Multipass says `qemu` and means QEMU with KVM."""
_UBUNTU = re.compile(r"ubuntu[-:](\d\d\.\d\d)", re.IGNORECASE)
_VERBS = {
    "create": "running",
    "start": "running",
    "restart": "running",
    "stop": "stopped",
    "suspend": "suspended",
    "delete": "deleted",
    "recover": "stopped",
}


def whole(size: int | None, unit_bytes: int) -> int | None:
    """Return *size* bytes in whole units, rounded to the nearest (halves up), at least 1; None stays None."""
    return None if size is None else max(1, (2 * size + unit_bytes) // (2 * unit_bytes))


def image_name(image: str) -> str:
    """Return an image as Multipass names it: `ubuntu-20.04` is its `20.04`, `ubuntu` its current LTS."""
    if (release := _UBUNTU.fullmatch(image)) is not None:
        return release[1]
    return "lts" if image.lower() == "ubuntu" else image


def same_hypervisor(name: str) -> str:
    """Return one name for each hypervisor, so that two names of one are equal."""
    lower = name.lower()
    return _SAME_HYPERVISOR.get(lower, lower)


def status_of(state: VmState) -> str:
    """Return a VM's state as this API writes it: `running`, `stopped`, `delayed shutdown`."""
    return state.lower()


class VmResource(Wire):
    """One virtual machine."""

    id: str
    """Stable for the life of the VM; does wherever its name does."""
    name: str
    """Unique on its agent."""
    status: str
    """Multipass's state in lower case: `running`, `stopped`, `suspended`, `deleted`, `unknown`, …"""
    cpu_cores: int | None
    """Number of virtual CPUs; None if unknown."""
    memory: int | None
    """Memory in MB (1024 * 1024 bytes), rounded to the nearest; None if unknown."""
    disk_size: int | None
    """Disk in GB (1024 MB), rounded to the nearest, at least 1; None if unknown."""
    hypervisor: str
    """What runs it, for instance `kvm`; `unknown` if its agent does not tell."""
    network: str = NETWORK
    """Always `default`."""
    vnc_port: int | None = None
    """Always None: Multipass's VMs have no screen."""
    created_at: Timestamp | None
    """When its agent created it or first saw it."""
    state: VmState
    """As Multipass spells it."""
    ipv4: tuple[str, ...] = ()
    """Addresses, the last known ones while it runs; empty otherwise."""
    release: str = ""
    """What runs in it, for instance `Ubuntu 24.04 LTS`; empty if never seen running."""
    agent_id: str | None = None
    """The agent that has it; None is the local one."""
    agent_hostname: str = "local"
    """That agent's host name; `local` for the local one."""
    stale_s: float = 0.0
    """Age of this entry in seconds: how long ago its agent last confirmed it."""

    @classmethod
    def of(cls, vm: ListedVm, *, hypervisor: str | None) -> Self:
        """Return *vm* in this API's shape."""
        return cls._from(
            vm,
            hypervisor=hypervisor,
            agent_id=vm.agent_id,
            agent_hostname=vm.agent_hostname,
            stale_s=vm.stale_s,
        )

    @classmethod
    def made(cls, operation: Operation, command: CreateVm, *, hypervisor: str | None) -> Self:
        """Return the VM that *operation* made; an agent that tells nothing of it made it as asked."""
        vm = operation.vm or Vm(
            id=operation.vm_name,  # does wherever an id does
            name=operation.vm_name,
            state="Running",
            cpus=command.cpus,
            memory_bytes=size_bytes(command.memory),
            disk_bytes=size_bytes(command.disk),
            created_at=operation.ended_at,
        )
        return cls._from(
            vm,
            hypervisor=hypervisor,
            agent_id=operation.agent_id,
            agent_hostname=operation.agent_hostname,
            stale_s=0.0,
        )

    @classmethod
    def _from(
        cls, vm: Vm, *, hypervisor: str | None, agent_id: str | None, agent_hostname: str, stale_s: float
    ) -> Self:
        return cls(
            id=vm.id,
            name=vm.name,
            status=status_of(vm.state),
            cpu_cores=vm.cpus,
            memory=whole(vm.memory_bytes, MB),
            disk_size=whole(vm.disk_bytes, GB),
            hypervisor=hypervisor or UNKNOWN,
            created_at=vm.created_at,
            state=vm.state,
            ipv4=vm.ipv4,
            release=vm.release,
            agent_id=agent_id,
            agent_hostname=agent_hostname,
            stale_s=stale_s,
        )


class VmResourceStatus(VmResource):
    """One virtual machine, asked for by name."""

    uptime: int | None = None
    """Seconds since it was seen to start; None if that was not seen, and while it does not run."""

    @classmethod
    def of(cls, vm: ListedVm, *, hypervisor: str | None) -> Self:
        """Return *vm* in this API's shape, with its uptime by this machine's clock."""
        shown = super().of(vm, hypervisor=hypervisor)
        if vm.running_since is None or vm.state != "Running":
            return shown
        uptime_s = int((utc_now() - vm.running_since).total_seconds())
        return shown.model_copy(update={"uptime": max(0, uptime_s)})


class VmResources(Wire):
    """Virtual machines, in order of agent and name."""

    vms: tuple[VmResource, ...]
    next: str | None = None
    """What to send as `cursor` for those that follow; None when these are the last."""


class VmActed(Wire):
    """Something was done to a VM."""

    success: bool = True
    name: str
    """Which VM."""
    status: str
    """What it is now."""

    @classmethod
    def of(cls, operation: Operation) -> Self:
        """Return what *operation* came to."""
        status = status_of(operation.vm.state) if operation.vm else _VERBS[operation.kind]
        return cls(name=operation.vm_name, status=status)


class VmStarted(VmActed):
    """A VM runs now."""

    vnc_port: int | None = None
    """Always None: Multipass's VMs have no screen."""


class VmRemoved(Wire):
    """A VM is gone, or in the trash."""

    success: bool = True
    name: str
    """Which VM."""

    @classmethod
    def of(cls, operation: Operation) -> Self:
        """Return what *operation* came to."""
        return cls(name=operation.vm_name)


def _the_network(name: str) -> str:
    if name != NETWORK:
        raise ValueError(f"there is no network {name!r}; leave it out or ask for {NETWORK!r}")
    return name


class NewVmResource(Command):
    """Make a VM and start it."""

    name: NewVmName
    """Free on that agent, also in its trash."""
    image: Image
    """A release (`22.04`, `ubuntu-20.04`), an alias (`jammy`), or a `file://` or `https://` URL."""
    cpu_cores: int = Field(default=2, ge=1, le=512)
    """Number of virtual CPUs."""
    memory: int = Field(default=2048, ge=1, le=1 << 30)
    """Memory in MB; Multipass wants at least 128."""
    disk_size: int = Field(default=20, ge=1, le=1 << 20)
    """Disk in GB; Multipass wants no less than the image."""
    network: Annotated[str, StringConstraints(max_length=64), AfterValidator(_the_network)] = NETWORK
    """`default`; there is no other."""
    hypervisor: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """What is to run it, `kvm` for instance; left out, whatever the agent has."""
    cloud_init: Annotated[str, StringConstraints(max_length=64 << 10)] | None = Field(
        default=None, repr=False
    )
    """User data for cloud-init, a YAML document."""
    agent_id: AgentId | None = None
    """Where to make it; the query parameter does as well. Left out: the local agent."""

    def command(self, agent_id: str | None) -> CreateVm:
        """Return the same in our units; *agent_id* is meant if the body names none."""
        return CreateVm(
            name=self.name,
            cpus=self.cpu_cores,
            memory=size_text(self.memory * MB),
            disk=size_text(self.disk_size * GB),
            image=image_name(self.image),
            cloud_init=self.cloud_init,
            agent_id=self.agent_id or agent_id,
        )


class StopResource(Command):
    """How to stop."""

    force: bool = False
    """Cut the power instead of asking the guest."""


class DeleteResource(Command):
    """How to delete."""

    delete_disk: bool = True
    """Remove this VM for good; false moves it to the trash, from which it can be recovered."""


class Where(Command):
    """Which agent is meant."""

    agent_id: AgentId | None = None
    """The agent. Left out: the local agent's VM of that name, else the only one in the fleet."""


def _state(given: str) -> str:
    if given.lower() not in {state.lower() for state in VM_STATES}:
        raise ValueError(f"there is no state {given!r}; ask for one of {', '.join(sorted(VM_STATES))}")
    return given.lower()


def _pair(given: str) -> str:
    if not given.partition("=")[0] or "=" not in given:
        raise ValueError("write a tag as name=value")
    return given


class VmFilter(Command):
    """Which VMs to list, and how many at a time."""

    state: Annotated[str, StringConstraints(max_length=32), AfterValidator(_state)] | None = None
    """Only VMs in this state, in either case."""
    agent_id: AgentId | None = None
    """Only VMs on this agent."""
    tag: Annotated[Text, AfterValidator(_pair)] | None = None
    """Only VMs on agents that carry this tag, `name=value`."""
    q: Text | None = None
    """Only VMs that have this in their name, id, address, release or host name, in either case."""
    limit: int | None = Field(default=None, ge=1, le=10_000)
    """Most VMs in one answer; left out, all of them."""
    cursor: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """`next` of the answer before."""

    def matches(self, vm: ListedVm) -> bool:
        """Whether *vm* has the state and the text that are asked for; its agent is another's business."""
        if self.state is not None and vm.state.lower() != self.state:
            return False
        if not self.q:
            return True
        sought = self.q.lower()
        texts = (vm.name, vm.id, vm.release, vm.agent_hostname, *vm.ipv4)
        return any(sought in text.lower() for text in texts)
