"""`delete`, `recover`, `purge`: a deleted instance keeps its name and its files until it is purged."""

import shutil
import time

from .daemon import contact
from .grammar import Call
from .inside import end_guest
from .instances import Instance
from .machine import Machine, State
from .terminal import Failed


def run(call: Call, machine: Machine) -> int:
    """Say nothing when it works, as Multipass does."""
    if call.command == "purge":
        call.without_names()
    elif call.names and "all" in call.options:
        raise Failed("Cannot specify name when --all option set", 1)
    elif not call.names and "all" not in call.options:
        raise Failed("Name argument or --all is required", 1)
    contact(machine, call.command)
    gone: list[str] = []
    with machine.changing() as state:
        names = list(call.names) or list(state.instances)
        if missing := [name for name in names if name not in state.instances]:
            lines = "\n".join(f'instance "{name}" does not exist' for name in missing)
            raise Failed(f"{call.command} failed: The following errors occurred:\n{lines}")
        for instance in [state.instances[name] for name in names]:
            gone += _apply(call, state, instance)
    for name in names:
        if name not in state.instances or state.instances[name].deleted:
            end_guest(machine, name)
    for name in gone:
        shutil.rmtree(machine.vm_path(name), ignore_errors=True)
    return 0


def _apply(call: Call, state: State, instance: Instance) -> list[str]:
    """Change *state*; return the name if its files should go."""
    if call.command == "recover":
        state.instances[instance.name] = instance._replace(deleted=False)
        return []
    if call.command == "purge" or "purge" in call.options:
        if call.command == "purge" and not instance.deleted:
            return []
        del state.instances[instance.name]
        return [instance.name]
    if not instance.deleted:
        suspended = instance.state_at(time.time()) == "Suspended"
        state.instances[instance.name] = instance.going(
            (time.time(), "Suspended" if suspended else "Stopped")
        )._replace(deleted=True)
    return []
