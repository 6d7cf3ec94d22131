"""How agents introduce themselves and stay known."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from .base import API_VERSION, Command, NaiveTimestamp, Timestamp, Wire
from .link import link_url, linked_id
from .vm import AgentId, Vm

Text = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A line a person may be shown: no control characters, 255 characters at most."""

Origin = Annotated[
    str,
    StringConstraints(
        pattern=r"^https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?$", max_length=300
    ),
]
"""`http` or `https`, a host and perhaps a port; no path, no user."""

Tags = Annotated[dict[Annotated[Text, StringConstraints(min_length=1)], Text], Field(max_length=64)]
"""What an operator says of a machine, as words; 64 pairs at most."""


class DriverStatus(Wire):
    """What runs the VMs on a machine, and whether it answers."""

    name: str
    """`multipass`."""
    version: str | None = None
    """As the program tells it; None if it never answered."""
    hypervisor: str | None = None
    """What the VMs run on: `kvm`, `hyperkit`, …; None if it does not tell."""
    simulated: bool = False
    """True when the VMs are simulated (`multipass-sim`) and not real ones."""
    problem: str | None = None
    """What is wrong and what to do about it, in a sentence; None when it answers."""
    problem_since: Timestamp | None = None
    """Since when; None when it answers."""


Skew = Literal["older", "newer"]


class HostLoad(Wire):
    """How busy a machine is."""

    cpus: int
    """Logical CPUs."""
    load: tuple[float, float, float]
    """Load averages over 1, 5 and 15 minutes."""
    memory_bytes: int
    """Memory of the machine."""
    memory_used_bytes: int
    """Memory in use."""
    disk_bytes: int
    """Size of the file system that holds the agent's data."""
    disk_used_bytes: int
    """Used of it."""


class InventoryPosition(Wire):
    """A point in the history of an agent's inventory."""

    epoch: str
    """Names one history; another epoch means that the agent began anew."""
    revision: int
    """Grows by one with each change."""


class InventoryUpdate(InventoryPosition):
    """What changed in an agent's inventory since `base`, or all of it."""

    base: int | None = None
    """The revision this builds on; None when `vms` is everything."""
    vms: tuple[Vm, ...] = ()
    """VMs that are new or changed; all of them when `base` is None."""
    gone: tuple[str, ...] = ()
    """Names of VMs that are no more; empty when `base` is None."""


class RegisterAgent(Wire):
    """An agent introduces itself. Unknown keys are ignored: the agent may be newer than the hub."""

    agent_id: AgentId
    """The id its API key is bound to."""
    hostname: Text
    """Shown to people."""
    api_url: Origin
    """Where the hub reaches it, `http://host:port` or `https://host:port`; by its link: `http://AGENT_ID.link`."""
    api_key: str | None = Field(default=None, repr=False)
    """Its key; the header `X-API-Key` does as well."""
    tags: Tags = Field(default_factory=dict)
    """What its operator says of it."""
    api_version: int = API_VERSION
    """The protocol it speaks."""
    features: tuple[Text, ...] = ()
    """What it can beyond the documented protocol, by name."""
    version: Text | None = None
    """Its software version."""

    @model_validator(mode="after")
    def _links_for_nobody_else(self) -> Self:
        if linked_id(self.api_url) not in {None, self.agent_id}:
            raise ValueError(f"the api_url of an agent with a link is {link_url(self.agent_id)}")
        return self


class Agent(Wire):
    """One agent, as the hub last heard from it."""

    agent_id: str
    """Unique on the hub."""
    hostname: str
    """Shown to people."""
    api_url: str
    """Where the hub reaches it."""
    connection: Literal["direct", "linked"] = "direct"
    """Whether the hub dials it at `api_url`, or it dials the hub and is called by that link."""
    status: Literal["online", "offline", "waiting"]
    """`offline` after `agent.stale_after_s` of silence; `waiting` until an administrator approves it."""
    last_seen: NaiveTimestamp
    """Its last sign of life, UTC."""
    tags: dict[str, str]
    """What its operator says of it, and what the hub does, which wins."""
    vm_count: int
    """VMs in its inventory, those in the trash included."""
    silence_s: float
    """Seconds since its last sign of life."""
    local: bool = False
    """Whether it is the agent of the hub's own machine."""
    version: str | None = None
    """Its software version."""
    skew: Skew | None = None
    """Whether that is an older or a newer release than the hub's; None if it is the same, or not told."""
    features: tuple[str, ...] = ()
    """What it can beyond the documented protocol."""
    driver: DriverStatus | None = None
    """What runs its VMs; None if it does not tell."""
    load: HostLoad | None = None
    """How busy it is; None if it does not tell."""


class AgentSelf(Wire):
    """Whom the hub takes an agent for by its key."""

    agent_id: str | None
    """The agent that the key is bound to; None until first use."""
    approved: bool
    """Whether it may be used; false while it waits for an administrator."""


class Heartbeat(Wire):
    """An agent's sign of life. Unknown keys are ignored: the agent may be newer than the hub."""

    agent_id: AgentId
    """Who is alive."""
    timestamp: NaiveTimestamp | None = None
    """The agent's wall clock."""
    status: Text = "online"
    """The agent's own word for its state."""
    vm_count: int = Field(default=0, ge=0)
    """VMs it has."""
    inventory: InventoryUpdate | None = None
    """What changed since the hub last confirmed; None when nothing did, or if the agent does not tell."""
    driver: DriverStatus | None = None
    """What runs its VMs."""
    load: HostLoad | None = None
    """How busy it is."""
    terminals: int | None = Field(default=None, ge=0)
    """Terminals it has, those included that have ended and are still listed; None if it does not tell."""
    ca: str | None = None
    """Names the CAs it believes (SHA-256 over their fingerprints); None if it wants to hear of no other."""


class HeartbeatAnswer(Wire):
    """What the hub says to a heartbeat."""

    success: bool = True
    message: str = "Heartbeat received"
    inventory: InventoryPosition | None = None
    """Up to where the hub has the inventory; None asks for all of it."""
    ca: str | None = None
    """The CAs to believe from now on, PEM; None while the agent's are the right ones."""


class NewAgentKey(Command):
    """Make a key for an agent."""

    name: Annotated[Text, StringConstraints(min_length=1)]
    """What people call it."""
    agent_id: AgentId | None = None
    """The agent it is for; left out, it is bound to the first agent that uses it."""


class AgentKey(Wire):
    """A key, without its secret."""

    id: str
    """Names the key."""
    name: str
    """What people call it."""
    agent_id: str | None
    """The agent it is bound to; None until first use."""
    approved: bool = True
    """Whether its agent may be used; false while the agent waits for an administrator."""
    created_at: Timestamp
    """When it was made."""
    last_used_at: Timestamp | None = None
    """When it was last used; None if never."""


class IssuedAgentKey(AgentKey):
    """A key at the moment it is made: the only time its secret is shown."""

    api_key: str
    """The secret. Set it as `BATWA_AGENT_API_KEY` on the agent's machine."""
