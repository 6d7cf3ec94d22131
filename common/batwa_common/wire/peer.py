"""Hubs that know each other: what people are told of them, and what they tell one another."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from .agent import Origin, Text
from .base import Command, Timestamp, Wire
from .resource import VmResource
from .user import Role

PeerRole = Role
"""What another hub may do here."""

PeerId = Annotated[str, StringConstraints(pattern=r"^peer-[a-z2-7]{26}$")]
"""The id of a hub; it follows from its key."""

PublicKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""An Ed25519 public key: its 32 bytes in base64url."""

Address = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        pattern=r"^(?:https?://)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?$",
        max_length=300,
    ),
]
"""Where a hub is: a host, perhaps with a port (8000 otherwise) and `http://` or `https://` before it."""

MessageType = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
"""`HELLO`, `PING`, `NODE_INFO` and `VM_LIST` are answered by the hub; any other goes to whoever listens."""

CaBundle = Annotated[str, StringConstraints(max_length=64 << 10)]
"""CAs of a hub that made its own, PEM."""

_Bits = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]


class PeerIdentity(Wire):
    """Who a hub says it is, to anyone who asks; nothing is proved by it."""

    id: PeerId
    """Follows from `public_key`."""
    name: Text
    """What its operator calls it."""
    public_key: PublicKey
    """What its signatures are checked with."""
    version: Text = ""
    """Its software version."""
    ca: CaBundle | None = None
    """The CAs that its certificate comes from; None if the system's vouch for it, or it has none."""
    ca_proof: Annotated[str, StringConstraints(max_length=100)] = ""
    """The signature under `ca`, with the key: whoever trusts the key can believe the certificate."""


class LocalPeer(Wire):
    """This hub, as a peer."""

    id: str
    """Its peer id."""
    name: str
    """What its operator calls it."""
    address: str
    """Where other hubs on its network find it."""
    port: int
    """TCP port there."""
    status: Literal["online", "offline"]
    """`online` while P2P services run."""
    services: tuple[str, ...]
    """What it offers to peers."""
    uptime: int
    """Seconds since the hub started."""
    fingerprint: str
    """The SHA-256 of its key, to be compared by people."""
    public_key: str
    """What its signatures are checked with."""


class Peer(Wire):
    """Another hub that is trusted here, or one of this hub's agents."""

    id: str
    """A peer id, or an agent's id."""
    name: str
    """What its operator calls it; an agent's host name."""
    address: str
    """Host name or address."""
    port: int
    """TCP port there."""
    status: Literal["online", "offline"]
    """Whether it answered lately."""
    services: tuple[str, ...]
    """What it offers."""
    last_seen: Timestamp | None
    """Its last proven sign of life; None if there was none yet."""
    kind: Literal["hub", "agent"]
    """Another hub, or an agent of this one."""
    role: PeerRole | None = None
    """What it may do here; None for agents."""
    url: str = ""
    """Where this hub calls it."""
    fingerprint: str = ""
    """The SHA-256 of a hub's key, to be compared by people; empty for agents."""
    added_at: Timestamp | None = None
    """When it was trusted; None for agents."""


class PeerList(Wire):
    """All peers."""

    peers: tuple[Peer, ...]


class Candidate(Wire):
    """A hub that was found. It can do nothing here until an administrator trusts its key."""

    id: str
    """Its peer id."""
    name: str
    """What it calls itself."""
    address: str
    """Host name or address."""
    port: int
    """TCP port there."""
    url: str
    """Where it answered."""
    fingerprint: str
    """The SHA-256 of its key: compare it with what that hub shows of itself, by another way."""
    source: Literal["mdns", "static"]
    """Found on the network, or at an address that was given."""
    trusted: bool
    """Whether it is a peer already."""
    version: str = ""
    """Its software version."""


class CandidateList(Wire):
    """What was found, and the addresses where hubs are looked for."""

    candidates: tuple[Candidate, ...]
    static: tuple[str, ...]
    """Addresses given by `POST /api/p2p/static`."""


class NewPairingCode(Command):
    """Make a code for an administrator of another hub."""

    role: PeerRole = "operator"
    """What that hub may do here."""


class PairingCode(Wire):
    """A code, shown once."""

    code: str
    """To be typed at the other hub, with this hub's address."""
    expires_at: Timestamp
    """When it ends; it ends earlier when it is used, and after ten wrong attempts."""
    role: PeerRole
    """What the other hub may do here."""


class Pair(Command):
    """Pair with the hub that made a code. It is named by its address, or by the id of a candidate."""

    address: Address | None = None
    """Where it is."""
    peer_id: PeerId | None = None
    """A candidate's id."""
    code: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(repr=False)
    """The code; case, spaces and hyphens do not count."""
    role: PeerRole = "operator"
    """What that hub may do here."""

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.address is None) == (self.peer_id is None):
            raise ValueError("say where the hub is: either address or peer_id")
        return self


class Trust(Command):
    """Trust a candidate whose fingerprint a person has compared."""

    peer_id: PeerId
    """A candidate's id."""
    fingerprint: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Its whole fingerprint; case, spaces, hyphens and colons do not count."""
    role: PeerRole = "viewer"
    """What it may do here."""


class PeerChange(Command):
    """Change what a peer may do here."""

    role: PeerRole
    """Its new role."""


class StaticPeer(Command):
    """Look for a hub at an address, for networks without multicast."""

    address: Address
    """Where it is."""


class PairingClaim(Wire):
    """Hub to hub: somebody typed your code here, and this proves it."""

    name: Text
    """What the claiming hub's operator calls it."""
    public_key: PublicKey
    """Its key."""
    port: int = Field(ge=1, le=65535)
    """Where it listens, at the address that the claim comes from."""
    url: Origin | None = None
    """Where it is to be called instead."""
    https: bool = False
    """Whether it listens with HTTPS."""
    ca: CaBundle | None = None
    """The CAs that its certificate comes from; None if the system's vouch for it."""
    nonce: _Bits
    """Fresh random bits."""
    proof: _Bits
    """HMAC over both keys and the rest, with a key derived from the code."""


class PairingGrant(Wire):
    """Hub to hub: the claim is good, and this proves that we have the code too."""

    name: Text
    """What the granting hub's operator calls it."""
    public_key: PublicKey
    """Its key."""
    proof: _Bits
    """HMAC over the claim and this answer, with the same key."""


class P2pStarted(Wire):
    """P2P services run."""

    success: bool = True
    status: Literal["started"] = "started"
    id: str
    """This hub's peer id."""
    address: str
    """Where other hubs on its network find it."""
    port: int
    """TCP port there."""


class P2pStopped(Wire):
    """P2P services do not run."""

    success: bool = True
    status: Literal["stopped"] = "stopped"


class SendMessage(Command):
    """Send a message to a peer."""

    peer_id: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    """To whom: id, name, host name or address."""
    message_type: MessageType
    """What kind of message."""
    data: dict[str, Any]
    """Anything; 64 KiB at most as JSON."""


class PeerMessage(Wire):
    """Hub to hub: a message."""

    message_type: MessageType
    """What kind of message."""
    data: dict[str, Any] = Field(default_factory=dict)
    """Anything."""


class MessageAnswer(Wire):
    """What the peer said to a message."""

    response: dict[str, Any]
    """At least `status` and `message`."""


class InboxMessage(Wire):
    """A message of another hub that this one does not answer by itself."""

    id: int
    """Grows with each message."""
    peer_id: str
    """Who sent it."""
    peer_name: str
    """What it was called then."""
    message_type: str
    """What kind of message."""
    data: dict[str, Any]
    """As it was sent."""
    received_at: Timestamp
    """When it came."""


class Inbox(Wire):
    """The newest messages, newest first."""

    messages: tuple[InboxMessage, ...]


class PeerRemoved(Wire):
    """A peer, a code or an address is no more."""

    success: bool = True
    message: str
    """A sentence that says what was done."""


class RemoteVmList(Wire):
    """The VMs at a peer."""

    vms: tuple[VmResource, ...]
    peer_id: str
    """Where they are: a hub or an agent."""
    status: Literal["online", "unknown"]
    """`unknown` when the peer did not answer: the list is then the last one it gave."""
    stale_s: float
    """Age of the list in seconds."""


class RemoteRemoved(Wire):
    """A VM at a peer is gone, or in its trash."""

    success: bool = True
    peer_id: str
    """Where it was."""
    vm_id: str
    """Which VM."""
    name: str
    """Its name."""


class RemoteActed(RemoteRemoved):
    """Something was done to a VM at a peer."""

    status: str
    """What it is now: `running`, `stopped`, …"""


class PeerResponse(Wire):
    """Hub to hub: the answer to a message; what else is in it depends on the message."""

    model_config = ConfigDict(extra="allow")

    status: str
    """`ok`."""
    message: str
    """A sentence."""


class InboxQuery(Command):
    """How much of the inbox."""

    limit: int = Field(default=100, ge=1, le=1000)
    """Messages at most."""
