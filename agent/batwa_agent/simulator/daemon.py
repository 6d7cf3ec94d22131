"""Reaching the simulated daemon, which may be down, hung, busy, or talking nonsense."""

import signal
import time
from collections.abc import Callable

from .faults import Faults
from .inside import sweep
from .machine import Machine
from .terminal import Failed, emit

_LOOK_EVERY_S = 0.05
NO_DAEMON = "cannot connect to the multipass socket"
_STRANGER = (
    "The client is not authenticated with the Multipass service.\n"
    "Please use 'multipass authenticate' before proceeding."
)

Tick = Callable[[float], None]
"""Called again and again while waiting, with the seconds it should take."""


class Garbage(Exception):
    """The daemon answered nonsense, which has been printed."""


def why_unreachable(faults: Faults) -> str:
    """Return why the daemon cannot be used, in Multipass's words; empty if it can."""
    return NO_DAEMON if faults.down else _STRANGER if faults.unauthenticated else ""


def contact(machine: Machine, command: str, tick: Tick = time.sleep) -> Faults:
    """Wait until the daemon takes a call; how long is up to the faults in force, possibly for ever.

    Raises `Failed` if it is down, `Garbage` if it answers nonsense.
    """
    faults = machine.faults()
    if why := why_unreachable(faults):
        raise Failed(f"{command} failed: {why}")
    _wait_while_hung(machine, command, tick)
    while (wait_s := machine.read().numbers.get("busy_until", 0.0) - time.time()) > 0:
        tick(min(wait_s, _LOOK_EVERY_S))
    sweep(machine)
    if faults.call_s > 0:
        tick(faults.call_s)
    if faults.hits(faults.garbage, command):
        emit(faults.garbage_text)
        raise Garbage
    return faults


def ask(machine: Machine, names: list[str], tick: Tick = time.sleep) -> None:
    """Log in to each instance. One that is frozen keeps this waiting, and with it everybody else."""
    while (faults := machine.faults()).frozen in names:
        if faults.frozen_spreads:
            machine.path.joinpath("blocked").touch()
        tick(_LOOK_EVERY_S)


def _wait_while_hung(machine: Machine, command: str, tick: Tick) -> None:
    while (faults := machine.faults()).hang or faults.frozen or (machine.path / "blocked").exists():
        if faults.hits(faults.hang, command):
            if faults.hang_ignores_term:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
        elif not (machine.path / "blocked").exists():
            return
        elif not faults.frozen:
            (machine.path / "blocked").unlink(missing_ok=True)
            continue
        tick(_LOOK_EVERY_S)
