"""The way into a VM: its namespaces where the kernel allows, else a private directory.

Namespaces begin with the first command in the VM and end when it is stopped, or some seconds after its last
process. docs/simulator.md says what is isolated and what is not.
"""

import ctypes
import fcntl
import os
import select
from pathlib import Path
from typing import NamedTuple

from .inside import MARKER, running_init
from .machine import Machine
from .processes import Process
from .terminal import Failed

LOCK_FD = 9
"""Where a session keeps its share of the guest's lock: while one is held, the namespaces stay."""

_SCRIPT = Path(__file__).with_name("guest.sh")
_SPACES = ("user", "mnt", "uts", "ipc", "pid")
_BOOT_WITHIN_S = 10.0
_UNSHARE = (
    *("setsid", "--fork", "unshare", "--map-user=1000", "--map-group=1000", "--keep-caps"),
    *("-m", "-u", "-i", "-p", "-f", "--kill-child=KILL"),
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Guest(NamedTuple):
    """How to run something in a VM, once this process is inside."""

    prefix: tuple[str, ...]
    """Argv in front of the command's own."""
    environment: dict[str, str]
    is_isolated: bool

    @property
    def shell(self) -> str:
        """The user's shell, to be found on PATH."""
        return self.environment["SHELL"].rpartition("/")[2]


def enter(machine: Machine, name: str) -> Guest:
    """Move this process into *name*, bringing its namespaces up first if need be.

    From now on what it starts is inside, in the user's home, and it holds the guest's lock on `LOCK_FD`.
    """
    vm = machine.vm_path(name)
    (vm / "inside").touch()
    lock = os.open(vm / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.dup2(lock, LOCK_FD, inheritable=True)
    if lock != LOCK_FD:
        os.close(lock)
    init = _init_of(machine, name)
    home = str(vm / "home") if init is None else "/home/ubuntu"
    if init is not None:
        _join(init)
    os.chdir(home)
    # by their environment processes without namespaces are found again
    prefix = () if init else ("env", f"{MARKER}={machine.path}/{name}")
    return Guest(prefix, _environment(home), is_isolated=init is not None)


def _join(init: Process) -> None:
    """Move this process into the namespaces of *init*, and what it starts also into that of processes."""
    spaces = [os.open(f"/proc/{init.pid}/ns/{kind}", os.O_RDONLY) for kind in _SPACES]
    # by ctypes, because os.setns is as new as Python 3.12
    libc = ctypes.CDLL(None, use_errno=True)
    for space in spaces:
        if libc.setns(space, 0):
            raise Failed(f"multipass-sim: cannot enter the instance: {os.strerror(ctypes.get_errno())}")
        os.close(space)


def _environment(home: str) -> dict[str, str]:
    """Build it from nothing, so that nothing of this machine's gets in."""
    return {
        "HOME": home,
        "LANG": "C.UTF-8",
        "LOGNAME": "ubuntu",
        "PATH": _PATH,
        "SHELL": "/bin/bash" if _is_on(_PATH, "bash") else "/bin/sh",
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
        if (init := running_init(vm)) is None and (init := _boot(vm, name)) is not None:
            (vm / "init").write_text(f"{init.pid} {init.started}")
    if init is None and wanted == "namespaces":
        raise Failed(f"multipass-sim: no namespaces here: {(vm / 'boot.log').read_text()}")
    if init is None:
        (machine.path / "plain").touch()
    return init


def _boot(vm: Path, name: str) -> Process | None:
    """Start the namespaces, detached from this process; None if the kernel or the tools do not allow it."""
    path = os.environ.get("PATH", "") + ":" + _PATH
    if not all(_is_on(path, tool) for tool in ("setsid", "unshare", "mount", "flock")):
        (vm / "boot.log").write_text("setsid, unshare, mount and flock (util-linux) are needed\n")
        return None
    ours, theirs = os.pipe()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, theirs, 1),
        (os.POSIX_SPAWN_OPEN, 2, str(vm / "boot.log"), flags, 0o600),
        (os.POSIX_SPAWN_CLOSE, LOCK_FD),
    ]
    argv = [*_UNSHARE, "sh", str(_SCRIPT), str(vm), name]
    child = os.posix_spawnp(argv[0], argv, {"PATH": path}, file_actions=streams)
    os.close(theirs)
    os.waitpid(child, 0)
    readable, _, _ = select.select([ours], [], [], _BOOT_WITHIN_S)
    answer = os.read(ours, 64).split() if readable else []
    os.close(ours)
    return Process.of(int(answer[1])) if len(answer) == 2 and answer[0] == b"up" else None


def _is_on(path: str, tool: str) -> bool:
    return any(os.access(f"{directory}/{tool}", os.X_OK) for directory in path.split(":") if directory)
