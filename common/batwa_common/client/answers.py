"""Answers of the second documented API as its client gives them: plain dictionaries, with their keys.

They print, index and turn into JSON as the documented examples expect. Keys that a newer hub adds stay.
"""

from typing import Any, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

_OPEN = ConfigDict(extra="allow")


@with_config(_OPEN)
class VmAnswer(TypedDict):
    """A VM. `memory` is in MB (1024 × 1024 bytes), `disk_size` in GB; None where nobody knows."""

    id: str
    name: str
    status: str
    cpu_cores: int | None
    memory: int | None
    disk_size: int | None
    hypervisor: str | None
    network: str | None
    vnc_port: int | None
    created_at: str | None
    uptime: NotRequired[float | None]
    state: NotRequired[str]
    ipv4: NotRequired[list[str]]
    release: NotRequired[str]
    agent_id: NotRequired[str | None]
    agent_hostname: NotRequired[str]
    stale_s: NotRequired[float]


@with_config(_OPEN)
class VmPage(TypedDict):
    """Some VMs, and where the next ones begin; no `next` at the end."""

    vms: list[VmAnswer]
    next: NotRequired[str | None]


@with_config(_OPEN)
class VmDone(TypedDict):
    """What was done to a VM, and what it is now."""

    success: bool
    name: str
    status: NotRequired[str]
    vnc_port: NotRequired[int | None]


@with_config(_OPEN)
class RemoteVmDone(TypedDict):
    """What was done to a VM of a peer."""

    success: bool
    peer_id: str
    vm_id: str
    name: str
    status: NotRequired[str]


@with_config(_OPEN)
class ExecResult(TypedDict):
    """How a command in a VM ended; no `exit_code` if it had to be given up."""

    stdout: str
    stderr: str
    exit_code: int | None
    timed_out: NotRequired[bool]
    truncated: NotRequired[bool]


@with_config(_OPEN)
class PeerAnswer(TypedDict):
    """This hub or another one, as a peer."""

    id: str
    name: str
    address: str | None
    port: int | None
    status: str
    services: list[str]
    uptime: NotRequired[float | None]
    last_seen: NotRequired[str | None]


@with_config(_OPEN)
class PeerList(TypedDict):
    """All peers."""

    peers: list[PeerAnswer]


@with_config(_OPEN)
class P2PState(TypedDict):
    """What was done to the peer-to-peer services."""

    success: bool
    status: str
    id: NotRequired[str | None]
    address: NotRequired[str | None]
    port: NotRequired[int | None]


@with_config(_OPEN)
class MessageResponse(TypedDict):
    """What a peer answered."""

    response: dict[str, Any]
