"""Everything that can go wrong, once.

BatwaError                         500  internal
├── InvalidRequest                 400  invalid-request
├── DriverRefused                  400  driver-refused
├── NotAuthenticated               401  not-authenticated
│   └── SecondFactorRequired       401  second-factor-required
├── SignatureRefused               401  signature-refused
├── Forbidden                      403  forbidden
│   ├── PairingRefused             403  pairing-refused
│   └── PeerNotTrusted             403  peer-not-trusted
├── InvalidApiKey                  403  invalid-api-key
├── JoinRefused                    403  join-refused
├── NotFound                       404  not-found
│   ├── AgentNotFound              404  agent-not-found
│   ├── OperationNotFound          404  operation-not-found
│   ├── PeerNotFound               404  peer-not-found
│   └── VmNotFound                 404  vm-not-found
├── Conflict                       409  conflict
│   ├── AgentWaiting               409  agent-waiting
│   ├── IdempotencyKeyReused       409  idempotency-key-reused
│   ├── OperationCancelled         409  operation-cancelled
│   ├── OperationEnded             409  operation-ended
│   ├── P2pNotRunning              409  p2p-not-running
│   ├── PeerAmbiguous              409  peer-ambiguous
│   ├── VmAmbiguous                409  vm-ambiguous
│   ├── VmBusy                     409  vm-busy
│   ├── VmExists                   409  vm-exists
│   └── VmStateConflict            409  vm-state-conflict
├── TooManyRequests                429  too-many-requests
├── AgentUnreachable               502  agent-unreachable
├── AgentMisbehaved                502  agent-misbehaved
├── PeerUnreachable                502  peer-unreachable
├── PeerMisbehaved                 502  peer-misbehaved
├── HubUnreachable                 502  hub-unreachable
├── HubMisbehaved                  502  hub-misbehaved
├── HubNotTrusted                  502  hub-not-trusted
├── DriverFailed                   502  driver-failed
├── DriverUnavailable              502  driver-unavailable
├── SignOnUnavailable              502  sign-on-unavailable
├── OperationInterrupted           502  operation-interrupted
├── Unavailable                    503  unavailable
├── AgentTimeout                   504  agent-timeout
├── PeerTimeout                    504  peer-timeout
└── DriverTimeout                  504  driver-timeout

`code` is wire contract and never changes meaning. `status` is the number the HTTP edge answers
with. Nothing here knows what HTTP library that edge uses.
"""

from typing import ClassVar


class BatwaError(Exception):
    """A failure we can name. Anything else that escapes is a bug and answers 500."""

    code: ClassVar[str] = "internal"
    status: int = 500
    request_id: str | None = None
    """Under which the hub's log has the request; set by the client, which reads it from the answer."""
    retry_after_s: float | None = None
    """After which it is worth trying again (`Retry-After`); None if that is not known."""
    by_code: ClassVar[dict[str, type["BatwaError"]]] = {}

    def __init_subclass__(cls) -> None:
        if other := cls.by_code.get(cls.code):
            raise TypeError(f"{cls.__name__} reuses code {cls.code!r} of {other.__name__}")
        cls.by_code[cls.code] = cls

    def __str__(self) -> str:
        """The sentence given, else what the class says of itself."""
        return super().__str__() or (type(self).__doc__ or self.code).splitlines()[0]


BatwaError.by_code["internal"] = BatwaError


class InvalidRequest(BatwaError):
    """The request does not have the shape or values the schema asks for."""

    code, status = "invalid-request", 400


class DriverRefused(BatwaError):
    """Multipass understood the request and refused its values: an image, a size, a network."""

    code, status = "driver-refused", 400


class NotAuthenticated(BatwaError):
    """Nobody is logged in here, and this needs somebody."""

    code, status = "not-authenticated", 401


class SecondFactorRequired(NotAuthenticated):
    """The password is right, and this account wants the code of its authenticator app as well."""

    code = "second-factor-required"


class SignatureRefused(BatwaError):
    """A hub's signed request is altered, expired, replayed, or meant for another hub."""

    code, status = "signature-refused", 401


class Forbidden(BatwaError):
    """Known caller, not allowed."""

    code, status = "forbidden", 403


class PairingRefused(Forbidden):
    """The pairing code is wrong, used up or expired, or the other hub does not have it."""

    code = "pairing-refused"


class PeerNotTrusted(Forbidden):
    """The hub that signed is unknown here, or is trusted no longer."""

    code = "peer-not-trusted"


class InvalidApiKey(BatwaError):
    """The API key is unknown, revoked, or another agent's."""

    code, status = "invalid-api-key", 403


class JoinRefused(BatwaError):
    """The join token is unknown, used up, revoked or expired."""

    code, status = "join-refused", 403


class NotFound(BatwaError):
    """No such thing, or none that this caller may see."""

    code, status = "not-found", 404


class AgentNotFound(NotFound):
    """No agent of that id is registered here."""

    code = "agent-not-found"


class OperationNotFound(NotFound):
    """No operation of that id is known here."""

    code = "operation-not-found"


class PeerNotFound(NotFound):
    """No trusted hub, agent or candidate of that id, name or address."""

    code = "peer-not-found"


class VmNotFound(NotFound):
    """No VM of that name where it was looked for."""

    code = "vm-not-found"


class Conflict(BatwaError):
    """The thing exists, but not in a state that allows this."""

    code, status = "conflict", 409


class AgentWaiting(Conflict):
    """The agent has joined, and no administrator has approved it yet."""

    code = "agent-waiting"


class IdempotencyKeyReused(Conflict):
    """The same Idempotency-Key came before with another request."""

    code = "idempotency-key-reused"


class OperationCancelled(Conflict):
    """The operation was cancelled before it was done."""

    code = "operation-cancelled"


class OperationEnded(Conflict):
    """The operation has ended or can no longer be cancelled."""

    code = "operation-ended"


class P2pNotRunning(Conflict):
    """P2P services are stopped, and this needs them."""

    code = "p2p-not-running"


class PeerAmbiguous(Conflict):
    """Several peers go by that name or address."""

    code = "peer-ambiguous"


class VmAmbiguous(Conflict):
    """Several agents have a VM of that name, and the request names none of them."""

    code = "vm-ambiguous"


class VmBusy(Conflict):
    """Another operation holds this VM."""

    code = "vm-busy"


class VmExists(Conflict):
    """That name is taken on that agent, perhaps by a VM in the trash."""

    code = "vm-exists"


class VmStateConflict(Conflict):
    """The VM is already in that state, or in one that does not allow this."""

    code = "vm-state-conflict"


class TooManyRequests(BatwaError):
    """The caller asks more often than is allowed."""

    code, status = "too-many-requests", 429

    def __init__(self, sentence: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(*([sentence] if sentence else []))
        self.retry_after_s = retry_after_s


class AgentUnreachable(BatwaError):
    """The hub could not reach the agent, or has not heard from it for too long."""

    code, status = "agent-unreachable", 502


class AgentMisbehaved(BatwaError):
    """The agent answered something that is not the protocol."""

    code, status = "agent-misbehaved", 502


class PeerUnreachable(BatwaError):
    """The other hub could not be reached."""

    code, status = "peer-unreachable", 502


class PeerMisbehaved(BatwaError):
    """What answers there does not prove to be the peer, refuses this hub, or is not the protocol."""

    code, status = "peer-misbehaved", 502


class HubUnreachable(BatwaError):
    """The hub could not be reached, or did not answer in time; told by the client, never by a hub."""

    code, status = "hub-unreachable", 502


class HubMisbehaved(BatwaError):
    """What answers there is no Batwa hub, or a very different one; told by the client, never by a hub."""

    code, status = "hub-misbehaved", 502


class HubNotTrusted(BatwaError):
    """The hub's certificate is from no CA that is believed here; told by the client, never by a hub."""

    code, status = "hub-not-trusted", 502


class DriverFailed(BatwaError):
    """Multipass tried and failed."""

    code, status = "driver-failed", 502


class DriverUnavailable(BatwaError):
    """Multipass is not installed, its daemon is down, or it refuses this user."""

    code, status = "driver-unavailable", 502


class SignOnUnavailable(BatwaError):
    """The OpenID Connect provider cannot be asked, or does not answer as it should."""

    code, status = "sign-on-unavailable", 502


class OperationInterrupted(BatwaError):
    """The agent was restarted in the middle, and the VM is not as asked."""

    code, status = "operation-interrupted", 502


class Unavailable(BatwaError):
    """This daemon is starting, stopping or full; try again shortly."""

    code, status = "unavailable", 503


class AgentTimeout(BatwaError):
    """The agent did not answer in time."""

    code, status = "agent-timeout", 504


class PeerTimeout(BatwaError):
    """The other hub did not answer in time."""

    code, status = "peer-timeout", 504


class DriverTimeout(BatwaError):
    """Multipass did not answer in time."""

    code, status = "driver-timeout", 504
