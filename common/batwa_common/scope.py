"""Which agents a caller may see; whatever belongs to another does not exist for that caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scope:
    """A limit to some agents: those of `agents`, as far as they carry every one of `tags`."""

    agents: frozenset[str] | None = None
    """Ids of agents; None for any."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What an agent's tags must say; others it has do not matter."""

    def allows(self, agent_id: str, tags: Mapping[str, str]) -> bool:
        """Whether the agent of that id and those tags is within the limit."""
        if self.agents is not None and agent_id not in self.agents:
            return False
        return all(tags.get(name) == value for name, value in self.tags.items())

    def __and__(self, other: "Scope") -> "Scope":
        """Return the limit of what is within both."""
        both = self.agents if other.agents is None else other.agents
        if self.agents is not None and other.agents is not None:
            both = self.agents & other.agents
        if any(other.tags.get(name, value) != value for name, value in self.tags.items()):
            both = frozenset()  # no agent's tag says two things
        return Scope(both, {**self.tags, **other.tags})

    def covers(self, other: "Scope") -> bool:
        """Whether everything within *other* is surely within this."""
        if other.agents is not None and not other.agents:
            return True
        if self.agents is not None and (other.agents is None or not other.agents <= self.agents):
            return False
        return self.tags.items() <= other.tags.items()
