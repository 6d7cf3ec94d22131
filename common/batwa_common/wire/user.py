"""People who may log in, and what they may do."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .base import Command, Timestamp, Wire

Role = Literal["viewer", "operator", "admin"]
"""What somebody may do: look; also change VMs and open terminals; also manage agents, keys and people."""

RANK: dict[Role, int] = {"viewer": 1, "operator": 2, "admin": 3}
"""Each role may do what the ones below it may."""

UserName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._@+-]*[A-Za-z0-9])?$", max_length=64)
]
"""Letters, digits and `._@+-`, beginning and ending with a letter or digit; 64 at most."""

NewPassword = Annotated[str, StringConstraints(min_length=8, max_length=1024)]
"""Eight characters at least."""


def weaker(one: Role, other: Role) -> Role:
    """Return the role that may do less."""
    return one if RANK[one] <= RANK[other] else other


class User(Wire):
    """Somebody who may log in."""

    name: str
    """What they log in as; no two are the same."""
    role: Role
    """What they may do."""
    created_at: Timestamp
    """When the account was made."""


class NewUser(Command):
    """Let somebody in."""

    name: UserName
    """What they will log in as."""
    password: NewPassword = Field(repr=False)
    """Their first password."""
    role: Role
    """What they may do."""


class ChangeUser(Command):
    """Change an account; what is left out stays."""

    role: Role | None = None
    """What they may do from now on. With less than before, their sessions end."""
    password: NewPassword | None = Field(default=None, repr=False)
    """Their new password; all their sessions end."""


class ChangePassword(Command):
    """Change one's own password; one's other sessions end."""

    current: Annotated[str, StringConstraints(max_length=1024)] = Field(repr=False)
    """The password until now."""
    new: NewPassword = Field(repr=False)
    """The password from now on."""
