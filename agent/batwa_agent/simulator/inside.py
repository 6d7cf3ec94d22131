"""The processes in a VM, and their end when the VM stops being up."""

import time
from pathlib import Path

from .instances import UP
from .machine import Machine
from .processes import Process, marked

MARKER = "MULTIPASS_SIM_VM"
"""Environment variable of the processes in a VM that has no namespaces."""


def end_guest(machine: Machine, name: str) -> None:
    """Kill every process in *name*."""
    vm = machine.vm_path(name)
    if (init := running_init(vm)) is not None:
        init.kill()
    for file in ("init", "inside"):
        (vm / file).unlink(missing_ok=True)
    if (machine.path / "plain").exists():
        for process in marked(f"{MARKER}={machine.path}/{name}"):
            process.kill()


def sweep(machine: Machine) -> None:
    """End what is left inside VMs that have gone down, whoever took them down and whether or not he lived."""
    now = time.time()
    for instance in machine.read().instances.values():
        if instance.state_at(now) not in UP:
            try:
                entered_at = (machine.vm_path(instance.name) / "inside").stat().st_mtime
            except FileNotFoundError:
                continue
            if entered_at < instance.since(now):
                end_guest(machine, instance.name)


def running_init(vm: Path) -> Process | None:
    """Return the first process of a VM's namespaces, if there are any."""
    try:
        pid, started = (vm / "init").read_text().split(" ")
    except FileNotFoundError:
        return None
    process = Process(int(pid), started)
    return process if process.lives() else None
