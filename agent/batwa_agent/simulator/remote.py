"""`exec` and `shell`: a command in a VM, on this program's own terminal or pipes; no byte is copied."""

import os
import shlex
import signal
import time
from typing import NoReturn

from .daemon import ask, contact, why_unreachable
from .grammar import Call
from .guest import LOCK_FD, Guest, enter
from .instances import UP, Instance
from .machine import Machine
from .power import change_power
from .settings import PRIMARY_NAME
from .spinner import Spinner, reporting
from .terminal import Failed, emit

_CONNECTION_LOST = 255
_RETRY = 4
_SH = "/bin/sh"
_TYPED = (signal.SIGINT, signal.SIGQUIT)
"""What is typed is meant for the command, not for this program."""
_SUPERVISOR = f'"$@" {LOCK_FD}>&-; exit 0'
"""Must stay to enforce that `shell` ends with 0 whatever the remote shell says; touches no byte."""
_MOTD = """Welcome to Ubuntu 24.04 LTS (GNU/Linux 6.8.0-multipass-sim)

 * This is a simulated VM: {what}.

"""


def run(call: Call, machine: Machine) -> int:
    """Start the instance if it is not running, then the command in it."""
    if call.command == "exec" and len(call.names) < 2:
        raise Failed("Wrong number of arguments", 1)
    if call.command == "exec" and {"working-directory", "no-map-working-directory"} <= call.options.keys():
        raise Failed("Options --working-directory and --no-map-working-directory clash", 1)
    if call.command == "shell" and len(call.names) > 1:
        raise Failed("Too many arguments given", 1)
    name = call.names[0] if call.names else PRIMARY_NAME
    _reach(call, machine, name)
    guest = enter(machine, name)
    return _shell(guest) if call.command == "shell" else _exec(call, guest)


def _reach(call: Call, machine: Machine, name: str) -> None:
    """Return once *name* runs and answers."""
    command = call.command
    twice = command == "exec"  # the client asks once more before it gives up, and prints both refusals
    if why := why_unreachable(machine.faults()):
        raise Failed("\n".join([f"{command} failed: {why}"] * (1 + twice)))
    contact(machine, command)
    instance = machine.read().instances.get(name)
    refusal = f'{command} failed: The following errors occurred:\ninstance "{name}"'
    if instance is None:
        raise Failed("\n".join([f"{refusal} does not exist"] * (1 + twice)))
    if instance.deleted:
        raise Failed(f"{refusal} is deleted")
    _wake(call, machine, instance)
    ask(machine, [name])


def _wake(call: Call, machine: Machine, instance: Instance) -> None:
    state = instance.state_at(time.time())
    if state in UP:
        return
    if state not in {"Stopped", "Suspended"}:
        raise Failed(f"{call.command} failed: Cannot retrieve credentials in unknown state")
    with reporting(Spinner(call.timeout_s())) as spinner:
        spinner.start(f"Starting {instance.name}")
        change_power(machine, Call("start", {}, (instance.name,)), [instance.name], spinner)
        spinner.stop()


def _shell(guest: Guest) -> NoReturn:
    what = "a shell in namespaces of its own" if guest.is_isolated else "a plain shell, not isolated"
    emit(_MOTD.format(what=what))
    argv = ["sh", "-c", _SUPERVISOR, "sh", *guest.prefix, guest.shell, "-l"]
    os.execve(_SH, argv, guest.environment)  # noqa: S606 -- this process has to become the terminal's


def _exec(call: Call, guest: Guest) -> int:
    line = " ".join(shlex.quote(word) for word in call.names[1:])
    if "working-directory" in call.options:
        line = f"cd {shlex.quote(call.options['working-directory'])} && {line}"
    for number in _TYPED:
        signal.signal(number, signal.SIG_IGN)
    while (code := _wait_for([*guest.prefix, guest.shell, "-c", line], guest)) == _RETRY:
        pass  # what the real client does: it takes a remote 4 for its own order to try again
    return code


def _wait_for(argv: list[str], guest: Guest) -> int:
    """Run it to its end; a command that a signal ended reads as a lost connection."""
    close_lock = [(os.POSIX_SPAWN_CLOSE, LOCK_FD)]
    child = os.posix_spawnp(argv[0], argv, guest.environment, file_actions=close_lock, setsigdef=_TYPED)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else _CONNECTION_LOST
