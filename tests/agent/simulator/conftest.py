"""A simulated machine for a test, and the program run on it as a real process."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from batwa_agent.simulator.inside import end_guest
from batwa_agent.simulator.machine import Machine

PROGRAM = str(Path(sys.executable).with_name("multipass-sim"))
SETSID = shutil.which("setsid") or "setsid"
RECORDINGS = Path(__file__).parents[2] / "recordings"
QUICK = {
    "MULTIPASS_SIM_LAUNCH_S": "0.05",
    "MULTIPASS_SIM_START_S": "0.02",
    "MULTIPASS_SIM_STOP_S": "0.02",
    "MULTIPASS_SIM_SUSPEND_S": "0.02",
}
_DEADLINE_S = 30.0


class Answer(NamedTuple):
    """How a run ended."""

    exit: int
    stdout: str
    stderr: str


class Terminal:
    """A command on a pseudo-terminal of its own."""

    def __init__(self, argv: list[str], env: dict[str, str], rows: int = 24, cols: int = 80) -> None:
        self._master, slave = pty.openpty()
        self.resize(rows, cols)
        self.process = subprocess.Popen(
            [SETSID, "--ctty", *argv], stdin=slave, stdout=slave, stderr=slave, env=env, close_fds=True
        )
        os.close(slave)
        self.seen = ""

    def resize(self, rows: int, cols: int) -> None:
        """Change the size, as a terminal emulator does."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def send(self, text: str) -> None:
        """Type *text*."""
        os.write(self._master, text.encode())

    def expect(self, pattern: str) -> str:
        """Read until *pattern* shows; return everything seen since the last time."""
        deadline = time.monotonic() + _DEADLINE_S
        while not (match := re.search(pattern, self.seen)):
            if not self._read(deadline):
                raise AssertionError(f"{pattern!r} never came; saw {self.seen!r}")
        passed, self.seen = self.seen[: match.end()], self.seen[match.end() :]
        return passed

    def finish(self) -> Answer:
        """Read to the end and wait."""
        deadline = time.monotonic() + _DEADLINE_S
        while self._read(deadline):
            pass
        try:
            return Answer(self.process.wait(_DEADLINE_S), self.seen, "")
        finally:
            self.close()

    def close(self) -> None:
        """End it, if it has not ended."""
        with self.process:
            self.process.kill()
        if self._master >= 0:
            os.close(self._master)
        self._master = -1

    def hang_up(self) -> int:
        """Close the terminal under the command."""
        os.close(self._master)
        self._master = -1
        return self.process.wait(_DEADLINE_S)

    def _read(self, deadline: float) -> bool:
        readable, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            return False
        try:
            chunk = os.read(self._master, 65_536)
        except OSError:
            chunk = b""
        self.seen += chunk.decode(errors="replace")
        return bool(chunk)


class Sim:
    """The program on one machine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.machine = Machine(home)
        # compiled files may be kept, or each of thousands of runs would compile everything anew
        left_out = ("MULTIPASS_SIM_", "PYTHONDONTWRITEBYTECODE")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
        self.env |= QUICK | {"MULTIPASS_SIM_HOME": str(home), "TERM": "xterm", "SECRET_OF_THE_HOST": "42"}

    def start(self, *args: str, **faults: str) -> "subprocess.Popen[str]":
        """Begin a command on pipes."""
        env = self.env | {f"MULTIPASS_SIM_{key}": value for key, value in faults.items()}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [PROGRAM, *args],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=env,
            text=True,
            errors="backslashreplace",
        )

    def run(self, *args: str, stdin: str = "", **faults: str) -> Answer:
        """Run a command on pipes."""
        with self.start(*args, **faults) as process:
            try:
                stdout, stderr = process.communicate(stdin, timeout=_DEADLINE_S)
            finally:
                process.kill()
        return Answer(process.returncode, stdout, stderr)

    def ok(self, *args: str, **faults: str) -> str:
        """Run a command that must work; return its stdout."""
        answer = self.run(*args, **faults)
        assert answer.exit == 0, answer
        return answer.stdout

    def terminal(self, *args: str, rows: int = 24, cols: int = 80, **faults: str) -> Terminal:
        """Begin a command on a terminal."""
        env = self.env | {f"MULTIPASS_SIM_{key}": value for key, value in faults.items()}
        return Terminal([PROGRAM, *args], env, rows, cols)

    def states(self, *options: str) -> dict[str, str]:
        """Return the state of each instance."""
        rows = json.loads(self.ok("list", "--no-ipv4", "--format", "json", *options))["list"]
        return {row["name"]: row["state"] for row in rows}

    def until(self, name: str, state: str | None) -> None:
        """Wait until *name* is in *state*."""
        deadline = time.monotonic() + _DEADLINE_S
        while (now := self.states().get(name)) != state:
            assert time.monotonic() < deadline, now

    def switch(self, **faults: Any) -> None:
        """Replace the faults file."""
        new = self.home / "faults.new"
        self.home.mkdir(exist_ok=True)
        new.write_text(json.dumps({f"MULTIPASS_SIM_{key}": value for key, value in faults.items()}))
        new.replace(self.home / "faults.json")

    def close(self) -> None:
        """Leave no process behind."""
        for name in self.machine.read().instances:
            end_guest(self.machine, name)


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    """Give an empty machine."""
    sim = Sim(tmp_path / "machine")
    yield sim
    sim.close()
