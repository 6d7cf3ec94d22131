"""What SIGHUP changes in a running agent."""

from collections.abc import Callable, Mapping

from batwa_common import logs

from .agent import Agent, recording_bounds, terminal_bounds
from .settings import Settings


def changes(agent: Agent) -> Mapping[str, Callable[[Settings], None]]:
    """Return, by the name of each setting that can change while *agent* runs, what changes it."""

    def terminals(new: Settings) -> None:
        agent.terminals.bounds = terminal_bounds(new)

    def recordings(new: Settings) -> None:
        agent.recordings.bounds = recording_bounds(new)

    def commands(new: Settings) -> None:
        agent.commands.limit = new.exec.limit

    return {
        "log_level": lambda new: logs.set_level(new.log_level),
        "terminal.limit": terminals,
        "terminal.linger_s": terminals,
        "terminal.keep_bytes": terminals,
        "exec.limit": commands,
        "recording.max_bytes": recordings,
        "recording.max_age_s": recordings,
        "recording.total_bytes": recordings,
    }
