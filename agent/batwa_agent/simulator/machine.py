"""One simulated machine: its directory, its state file and the lock that many processes share."""

import fcntl
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .faults import Faults, read_faults
from .instances import Instance, instance_from
from .processes import Process


class State(NamedTuple):
    """What is on disk. The dicts are changed in place, inside `Machine.changing`."""

    instances: dict[str, Instance]
    preparing: dict[str, Process]
    """Names taken by launches whose image is not ready; one whose process is gone is cancelled."""
    images: dict[str, bool]
    """Hashes of images already downloaded."""
    numbers: dict[str, float]
    """`addresses` given out so far; `busy_until`: the daemon answers nobody before that time."""

    def is_preparing(self, name: str) -> bool:
        """Tell whether a launch of that name is under way."""
        process = self.preparing.get(name)
        return process is not None and process.lives()


class Machine:
    """The machine at *path*; two paths are two machines."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def from_environment(cls) -> "Machine":
        """Return the machine that `MULTIPASS_SIM_HOME` names, else the user's own."""
        home = os.environ.get("MULTIPASS_SIM_HOME")
        states = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        return cls(Path(home or Path(states) / "multipass-sim").absolute())

    def faults(self) -> Faults:
        """Return the faults in force now."""
        return read_faults(self.path)

    def vm_path(self, name: str) -> Path:
        """Return the directory of a VM."""
        return self.path / "vms" / name

    def read(self) -> State:
        """Return the state as of now, without waiting for anybody."""
        try:
            found: dict[str, Any] = json.loads((self.path / "state.json").read_bytes())
        except FileNotFoundError:
            return State({}, {}, {}, {})
        return State(
            {name: instance_from(fields) for name, fields in found["instances"].items()},
            {name: Process(*process) for name, process in found["preparing"].items()},
            found["images"],
            found["numbers"],
        )

    @contextmanager
    def changing(self) -> Iterator[State]:
        """Hold the lock, yield the state, write it back unless an error leaves. Never wait inside."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.read()
            yield state
            self._write(state)

    def _write(self, state: State) -> None:
        text = json.dumps(
            state._asdict() | {"instances": {i.name: i._asdict() for i in state.instances.values()}}
        )
        new = self.path / "state.json.new"
        new.write_text(text)
        new.replace(self.path / "state.json")

    def next_address(self, state: State) -> str:
        """Give out an address that no other VM of this machine has or had."""
        number = int(state.numbers.get("addresses", 1)) + 1
        state.numbers["addresses"] = number
        subnet = zlib.crc32(str(self.path).encode())
        return f"10.{subnet % 254 + 1}.{(subnet // 254 + number // 250) % 256}.{number % 250 + 2}"
