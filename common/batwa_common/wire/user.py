"""People who may log in, and what they may do."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from .agent import Tags
from .base import Command, Timestamp, Wire
from .vm import AgentId

Role = Literal["viewer", "operator", "admin"]
"""What somebody may do: look; also change VMs; also manage agents, keys and people."""

RANK: dict[Role, int] = {"viewer": 1, "operator": 2, "admin": 3}
"""Each role may do what the ones below it may."""

UserName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._@+-]*[A-Za-z0-9])?$", max_length=64)
]
"""Letters, digits and `._@+-`, beginning and ending with a letter or digit; 64 at most."""

NewPassword = Annotated[str, StringConstraints(min_length=8, max_length=1024)]
"""Eight characters at least."""

AgentIds = Annotated[tuple[AgentId, ...], Field(min_length=1, max_length=256)]
"""Some agents; 256 at most."""


def weaker(one: Role, other: Role) -> Role:
    """Return the role that may do less."""
    return one if RANK[one] <= RANK[other] else other


def opens_terminals(role: Role) -> bool:
    """Whether that role may open terminals and run commands where nothing else is said."""
    return RANK[role] >= RANK["operator"]


class Permissions(Command):
    """What somebody or something is to be allowed."""

    role: Role
    """What it may do."""
    terminals: bool | None = None
    """Whether it may open terminals, type in them and run commands; left out, if it is not a viewer."""
    agents: AgentIds | None = None
    """The only agents whose things it sees; left out, all."""
    tags: Tags = Field(default_factory=dict)
    """It sees only agents that carry all of these."""

    @model_validator(mode="after")
    def _an_admin_sees_everything(self) -> Self:
        if self.role == "admin" and (self.agents is not None or self.tags):
            raise ValueError("the role admin cannot be limited to some agents; make it operator")
        return self

    @property
    def opens_terminals(self) -> bool:
        """Whether terminals are allowed, said or not."""
        return opens_terminals(self.role) if self.terminals is None else self.terminals


class User(Wire):
    """Somebody who may log in."""

    name: str
    """What they log in as; no two are the same."""
    role: Role
    """What they may do."""
    terminals: bool
    """Whether they may open terminals, type in them and run commands in VMs."""
    agents: tuple[str, ...] | None
    """The only agents whose things they see; None for all."""
    tags: dict[str, str]
    """They see only agents that carry all of these."""
    disabled: bool
    """Whether they are kept out for now, with their tokens."""
    created_at: Timestamp
    """When the account was made."""
    last_login_at: Timestamp | None = None
    """When they last logged in; None if never."""
    totp: bool = False
    """Whether they log in with a code of an authenticator app as well."""


class NewUser(Permissions):
    """Let somebody in."""

    name: UserName
    """What they will log in as."""
    password: NewPassword = Field(repr=False)
    """Their first password."""


class ChangeUser(Command):
    """Change an account; what is left out stays. With less than before, their sessions end."""

    role: Role | None = None
    """What they may do from now on; another role brings what it ordinarily has of terminals."""
    terminals: bool | None = None
    """Whether they may open terminals and run commands."""
    agents: AgentIds | None = None
    """The only agents they see from now on; null lifts the limit."""
    tags: Tags | None = None
    """They see only agents that carry all of these; `{}` lifts the limit."""
    disabled: bool | None = None
    """Whether to keep them out, with their tokens."""
    password: NewPassword | None = Field(default=None, repr=False)
    """Their new password; all their sessions end."""


class ChangePassword(Command):
    """Change one's own password; one's other sessions end."""

    current: Annotated[str, StringConstraints(max_length=1024)] = Field(repr=False)
    """The password until now."""
    new: NewPassword = Field(repr=False)
    """The password from now on."""


class Me(Wire):
    """Who asks, and what they may do with what they came with."""

    name: str
    """The account."""
    kind: Literal["user", "token"]
    """Whether they came with a login or with an API token."""
    role: Role
    """What they may do: with a token, the weaker of its role and its owner's."""
    terminals: bool
    """Whether they may open terminals, type in them and run commands in VMs."""
    agents: tuple[str, ...] | None
    """The only agents whose things they see; None for all."""
    tags: dict[str, str]
    """They see only agents that carry all of these."""
    totp: bool
    """Whether the account wants a code of an authenticator app beside the password."""
    recovery_codes: int
    """How many recovery codes it has left for the loss of that app."""


class Setup(Command):
    """Set the first administrator's password."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")] = Field(
        repr=False
    )
    """What the link has behind `#`."""
    password: NewPassword = Field(repr=False)
    """What `admin` will log in with."""


class WhoAmI(Wire):
    """Who asks, as a page has to know it before it shows anything."""

    me: Me | None
    """Who is logged in; None if nobody is."""
    first_start: bool
    """Whether nobody has an account here yet: the hub waits for its administrator's password."""
    sign_on: str | None = None
    """What the OpenID Connect provider is called; None if there is none."""
