"""What somebody may do and where, as one value: of an account, of a token, of the two together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batwa_common.scope import Scope
from batwa_common.wire.user import RANK, Role, weaker


@dataclass(frozen=True)
class Rights:
    """A role, whether terminals are allowed, and the agents that exist for its owner."""

    role: Role
    terminals: bool
    """Whether to open terminals, type in them and run commands."""
    scope: Scope | None = None
    """None for all agents."""

    @classmethod
    def stored(
        cls, role: Role, terminals: bool, agents: Sequence[str] | None, tags: Mapping[str, str]
    ) -> "Rights":
        """Return what the columns of an account or token say."""
        return cls(role, terminals, stored_scope(agents, tags))

    def __and__(self, other: "Rights") -> "Rights":
        """Return what both allow."""
        within = common_scope(self.scope, other.scope)
        return Rights(weaker(self.role, other.role), self.terminals and other.terminals, within)

    def cover(self, other: "Rights") -> bool:
        """Whether *other* surely allows nothing that these do not."""
        if RANK[other.role] > RANK[self.role] or (other.terminals and not self.terminals):
            return False
        return self.scope is None or (other.scope is not None and self.scope.covers(other.scope))

    def __str__(self) -> str:
        """The same text for the same rights, for keys."""
        scope = self.scope or Scope()
        agents = "*" if scope.agents is None else ",".join(sorted(scope.agents))
        tags = ",".join(f"{name}={value}" for name, value in sorted(scope.tags.items()))
        return f"{self.role}:{self.terminals}:{agents}:{tags}"


def stored_scope(agents: Sequence[str] | None, tags: Mapping[str, str] | None) -> Scope | None:
    """Return the limit that the columns of an account or token say; None for all agents."""
    if agents is None and not tags:
        return None
    return Scope(None if agents is None else frozenset(agents), tags or {})


def common_scope(one: Scope | None, other: Scope | None) -> Scope | None:
    """Return the limit of what is within both."""
    if one is None or other is None:
        return one or other
    return one & other
