"""Recordings of terminals: asciicast v2 files that stay at their agent."""

from typing import Literal

from .base import Timestamp, Wire


class Recording(Wire):
    """One recording, without what is in it."""

    id: str
    """Names it everywhere; begins with the id of the agent that has it."""
    terminal_id: str
    """The terminal that was recorded."""
    vm_name: str
    """The VM that terminal is in."""
    agent_id: str | None = None
    """The agent that has it; None is the local one."""
    agent_hostname: str = "local"
    """That agent's host name; `local` for the local one."""
    state: Literal["recording", "ended"]
    """Whether it is still being written."""
    created_at: Timestamp
    """When it began."""
    created_by: str
    """Who opened the terminal."""
    duration_s: float
    """Time of the last thing in it, in seconds since it began."""
    size_bytes: int
    """Size of the file."""
    rows: int
    """Height at the beginning, in character cells."""
    cols: int
    """Width at the beginning, in character cells."""
    exit_code: int | None = None
    """How the shell ended; None if it has not, or if the agent was not there to see it."""
    has_input: bool = False
    """Whether keys are in it, too."""
    is_full: bool = False
    """Whether it ended because it had reached the largest size allowed."""


class Recordings(Wire):
    """The recordings that were asked for, newest first."""

    recordings: tuple[Recording, ...]
    unanswered: tuple[str, ...] = ()
    """Agents that have not answered; what they have is missing here."""
