"""Delays and faults: `MULTIPASS_SIM_*` from the environment, and from `faults.json`, which wins.

The file is read at every call, and again while a call waits, so a fault can be switched in a running agent.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from .terminal import Failed

_PREFIX = "MULTIPASS_SIM_"
_NOT_FAULTS = {"HOME"}


class Faults(NamedTuple):
    """Each field is `MULTIPASS_SIM_` and its name in capitals; docs/simulator.md explains every one."""

    launch_s: float = 2.0
    """A whole launch, download included."""
    boot_s: float = -1.0
    """The boot in a launch, during which the state is mostly `Unknown`; negative: its share of the launch."""
    start_s: float = 0.3
    stop_s: float = 0.3
    suspend_s: float = 0.1
    call_s: float = 0.0
    """Added to every call that reaches the daemon."""
    stuck_stop_s: float = 300.0
    """Stopping, without force, a VM that never came up."""
    download: str = "first"
    """When a launch shows a download: `first` (of that image), `always`, `never`."""
    isolation: str = "auto"
    """`namespaces`, `plain`, or whichever works."""
    fail_launch: str = ""
    """`PHASE` or `PHASE: message`."""
    crash: str = ""
    """Phase of a launch in which the daemon dies."""
    hang: str = ""
    """Commands that never return, by comma, or `all`."""
    hang_ignores_term: bool = False
    down: bool = False
    unauthenticated: bool = False
    garbage: str = ""
    """Commands that answer nonsense, by comma, or `all`."""
    garbage_text: str = '{"list": [{"name": 7, "state": null}, \x1b[0m\x00\n*** stack smashing'
    frozen: str = ""
    """Name of an instance that does not answer."""
    frozen_spreads: bool = True
    """Whether a call that waits for the frozen instance blocks all others, as it really does."""

    def hits(self, commands: str, command: str) -> bool:
        """Tell whether the list *commands* names *command*."""
        words = {word.strip() for word in commands.split(",")}
        return bool(words & {command, "all", "1", "true"})


def read_faults(home: Path) -> Faults:
    """Return the faults in force. Raises `Failed` naming an unknown or malformed one."""
    found = {k: v for k, v in os.environ.items() if k.startswith(_PREFIX)}
    try:
        text = (home / "faults.json").read_text()
    except FileNotFoundError:
        text = "{}"
    try:
        found |= json.loads(text)
    except (ValueError, TypeError) as error:
        raise Failed(f"multipass-sim: {home / 'faults.json'} is not a JSON object: {error}") from error
    wanted = {key: value for key, value in found.items() if key.removeprefix(_PREFIX) not in _NOT_FAULTS}
    return Faults()._replace(**dict(_parsed(key, value) for key, value in wanted.items()))


def _parsed(key: str, value: object) -> tuple[str, Any]:
    field = key.removeprefix(_PREFIX).lower()
    if not key.startswith(_PREFIX) or field not in Faults._fields:
        raise Failed(f"multipass-sim: no setting {key}; docs/simulator.md lists them")
    default = Faults._field_defaults[field]
    try:
        if isinstance(default, bool):
            return field, str(value).lower() in {"1", "true", "yes", "on"}
        return field, type(default)("" if value is None else value)
    except (TypeError, ValueError) as error:
        raise Failed(f"multipass-sim: {key} cannot be {value!r}") from error
