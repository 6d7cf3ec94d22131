"""The inside of a VM: its files, its namespaces (where the kernel allows), and the processes in it.

Namespaces begin with the first command in the VM and end when it is stopped, or some seconds after its last
process. docs/simulator.md says what is isolated and what is not.
"""

import fcntl
import os
import select
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from .machine import Machine
from .processes import Process, marked
from .terminal import Failed

LOCK_FD = 9
"""Where a session keeps its share of the guest's lock: while one is held, the namespaces stay."""

_SCRIPT = Path(__file__).with_name("guest.sh")
_MARKER = "MULTIPASS_SIM_VM"
_BOOT_WITHIN_S = 10.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROFILE = "[ -n \"$BASH_VERSION\" ] && [ -f ~/.bashrc ] && . ~/.bashrc || PS1='ubuntu@{name}:~$ '\n"
_BASHRC = "case $- in *i*) ;; *) return ;; esac\nPS1='\\[\\e]0;ubuntu@{name}: \\w\\a\\]ubuntu@{name}:\\w$ '\n"


class Guest(NamedTuple):
    """How to run something in a VM."""

    prefix: tuple[str, ...]
    """Argv in front of the command's own."""
    environment: dict[str, str]
    directory: str
    """Where the prefix is to be run."""
    is_isolated: bool


def furnish(machine: Machine, name: str, user_data: str) -> None:
    """Make a new VM's files, in place of any old ones."""
    vm = machine.vm_path(name)
    shutil.rmtree(vm, ignore_errors=True)
    (vm / "home").mkdir(parents=True)
    (vm / "root").mkdir()
    (vm / "user-data").write_text(user_data)
    (vm / "home" / ".profile").write_text(_PROFILE.format(name=name))
    (vm / "home" / ".bashrc").write_text(_BASHRC.format(name=name))
    (vm / "home" / ".hushlogin").touch()


def enter(machine: Machine, name: str) -> Guest:
    """Return how to run something in *name*, bringing its namespaces up first if need be.

    This process, and what it executes, holds the guest's lock on `LOCK_FD` from now on.
    """
    vm = machine.vm_path(name)
    lock = os.open(vm / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.dup2(lock, LOCK_FD, inheritable=True)
    if lock != LOCK_FD:
        os.close(lock)
    init = _init_of(machine, name)
    if init is None:
        home = str(vm / "home")
        marker = {_MARKER: f"{machine.path}/{name}"}
        return Guest((), _environment(home) | marker, home, is_isolated=False)
    prefix = ("nsenter", "-t", str(init.pid), "-U", "--preserve-credentials", "-m", "-u", "-i", "-p")
    return Guest(prefix, _environment("/home/ubuntu"), "/", is_isolated=True)


def end_guest(machine: Machine, name: str) -> None:
    """Kill every process in *name*."""
    vm = machine.vm_path(name)
    if (init := _running_init(vm)) is not None:
        init.kill()
    (vm / "init").unlink(missing_ok=True)
    if (machine.path / "plain").exists():
        for process in marked(f"{_MARKER}={machine.path}/{name}"):
            process.kill()


def _environment(home: str) -> dict[str, str]:
    """Build it from nothing, so that nothing of this machine's gets in."""
    return {
        "HOME": home,
        "LANG": "C.UTF-8",
        "LOGNAME": "ubuntu",
        "PATH": _PATH,
        "SHELL": shutil.which("bash", path=_PATH) or "/bin/sh",
        "USER": "ubuntu",
    } | ({"TERM": os.environ.get("TERM", "xterm")} if os.isatty(0) else {})


def _init_of(machine: Machine, name: str) -> Process | None:
    """Return the first process of the VM's namespaces; None where there are none to be had."""
    wanted = machine.faults().isolation
    if wanted == "plain" or (wanted == "auto" and (machine.path / "plain").exists()):
        (machine.path / "plain").touch()
        return None
    vm = machine.vm_path(name)
    with (vm / "boot").open("w") as booting:
        fcntl.flock(booting, fcntl.LOCK_EX)
        if (init := _running_init(vm)) is None and (init := _boot(vm, name)) is not None:
            (vm / "init").write_text(f"{init.pid} {init.started}")
    if init is None and wanted == "namespaces":
        raise Failed(f"multipass-sim: no namespaces here: {(vm / 'boot.log').read_text()}")
    if init is None:
        (machine.path / "plain").touch()
    return init


def _running_init(vm: Path) -> Process | None:
    try:
        pid, started = (vm / "init").read_text().split(" ")
    except (FileNotFoundError, NotADirectoryError):
        return None
    process = Process(int(pid), started)
    return process if process.lives() else None


def _boot(vm: Path, name: str) -> Process | None:
    """Start the namespaces, detached from this process; None if the kernel or the tools do not allow it."""
    if not all(shutil.which(tool) for tool in ("unshare", "nsenter", "mount", "flock")):
        (vm / "boot.log").write_text("unshare, nsenter, mount and flock (util-linux) are needed\n")
        return None
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        _become_init(vm, name, theirs)
    os.close(theirs)
    os.waitpid(child, 0)
    readable, _, _ = select.select([ours], [], [], _BOOT_WITHIN_S)
    answer = os.read(ours, 64).split() if readable else []
    os.close(ours)
    return Process.of(int(answer[1])) if len(answer) == 2 and answer[0] == b"up" else None


def _become_init(vm: Path, name: str, answer_fd: int) -> None:
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(answer_fd, 1)
        os.dup2(os.open(vm / "boot.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
        os.closerange(3, 256)
        os.chdir(vm)
        unshare = (
            "unshare",
            "--map-user=1000",
            "--map-group=1000",
            "--keep-caps",
            "-m",
            "-u",
            "-i",
            "-p",
            "-f",
        )
        argv = (*unshare, "--kill-child=KILL", "sh", str(_SCRIPT), name)
        os.execvpe("unshare", argv, {"PATH": os.environ.get("PATH", _PATH) + ":" + _PATH})
    finally:
        os._exit(127)
