"""Bodies of the documented Batwa API (`/api/auth`, `/api/agent`, `/api/vm`), field by field."""

from typing import Annotated

from pydantic import Field, StringConstraints

from .agent import Agent
from .base import Command, Wire
from .totp import Code
from .vm import Vm, VmInfo, size_text


class Done(Wire):
    """It worked."""

    success: bool = True
    message: str
    """A sentence that says what was done."""


class About(Wire):
    """What this is, as the second documented API tells it."""

    name: str = "AI Environment Manager API"
    version: str = "0.1.0"
    """Of that API."""
    endpoints: tuple[str, ...] = ("/api/vm", "/api/p2p", "/api/remote")
    """Where to go on."""


class Login(Command):
    """Who wants to log in."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(repr=False)
    code: Code | None = Field(default=None, repr=False)
    """Of the authenticator app, or a recovery code, if the account has that second factor."""


class AuthStatus(Wire):
    """Whether the session is logged in."""

    authenticated: bool
    username: str | None = None

    @classmethod
    def of(cls, username: str | None) -> "AuthStatus":
        """Return the status of somebody, or of nobody."""
        return cls(authenticated=username is not None, username=username)


class Registered(Done):
    """An agent is known now."""

    agent: Agent


class AgentAnswer(Wire):
    """One agent."""

    success: bool = True
    agent: Agent


class ListedVm(Vm):
    """A VM in the fleet's list."""

    agent_id: str | None
    """The agent that has it; None is the local one."""
    agent_hostname: str
    """That agent's host name; `local` for the local one."""
    stale_s: float
    """Age of this entry in seconds: how long ago its agent last confirmed it."""


class VmList(Wire):
    """All VMs."""

    success: bool = True
    vms: tuple[ListedVm, ...]


class VmCreated(Done):
    """A VM was made."""

    vm_name: str
    agent_id: str | None = None
    agent_hostname: str = "local"


class VmDetails(VmInfo):
    """A VM as `GET /api/vm/info/{vm_name}` tells it."""

    memory: str | None = None
    """Memory given to it, as Multipass writes sizes (`2G`); None if unknown."""
    disk_size: str | None = None
    """Size of its disk, as Multipass writes sizes; None if unknown."""
    agent_id: str | None = None
    """The agent that has it; None is the local one."""
    agent_hostname: str = "local"
    """That agent's host name; `local` for the local one."""

    @classmethod
    def of(cls, info: VmInfo, *, agent_id: str | None, agent_hostname: str) -> "VmDetails":
        """Return *info* with the documented fields."""
        return cls(
            **{name: getattr(info, name) for name in VmInfo.model_fields},
            memory=None if info.memory_bytes is None else size_text(info.memory_bytes),
            disk_size=None if info.disk_bytes is None else size_text(info.disk_bytes),
            agent_id=agent_id,
            agent_hostname=agent_hostname,
        )


class VmInfoAnswer(Wire):
    """One VM."""

    success: bool = True
    info: VmDetails
