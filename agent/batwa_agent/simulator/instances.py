"""A simulated VM on paper: what it was given, and which state it is in at which time.

State is a timeline written once when something begins, so that it goes on whether or not the program that
began it still lives.
"""

from typing import Any, NamedTuple

Timeline = tuple[tuple[float, str], ...]
"""States with the wall-clock second from which each holds, earliest first."""

UP = frozenset({"Running", "Delayed Shutdown"})
"""States in which an instance answers."""


class Instance(NamedTuple):
    """One VM."""

    name: str
    cpus: int
    memory_bytes: int
    disk_bytes: int
    image_hash: str
    image_release: str
    """For instance `24.04 LTS`; empty for a custom image."""
    os_release: str
    """For instance `Ubuntu 24.04.3 LTS`."""
    ipv4: str
    timeline: Timeline
    deleted: bool = False

    @property
    def image(self) -> str:
        """The image as `list` shows it."""
        return f"Ubuntu {self.image_release}" if self.image_release else "Not Available"

    def state_at(self, now: float) -> str:
        """Return the state as Multipass spells it."""
        if self.deleted:
            return "Deleted"
        return [state for since, state in self.timeline if since <= now][-1]

    def since(self, now: float) -> float:
        """Return since when it has been in the state that it is in."""
        return [since for since, _ in self.timeline if since <= now][-1]

    @property
    def settles_at(self) -> float:
        """When the last state of the timeline begins."""
        return self.timeline[-1][0]

    @property
    def is_stuck(self) -> bool:
        """Whether it never comes up."""
        return not self.deleted and self.timeline[-1][1] == "Unknown"

    def going(self, *timeline: tuple[float, str]) -> "Instance":
        """Return it with another timeline."""
        return self._replace(timeline=((0.0, "Stopped"), *timeline))


def instance_from(fields: dict[str, Any]) -> Instance:
    """Rebuild an instance from its JSON."""
    timeline = tuple((float(t), str(s)) for t, s in fields.pop("timeline"))
    return Instance(**fields, timeline=timeline)
