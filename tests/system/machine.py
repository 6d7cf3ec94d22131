"""A machine that boots: a container with its own systemd, on this machine's loopback."""

import contextlib
import shlex
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

BOOT_S = 120.0
CALL_S = 300.0
STOP_S = 30.0
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENV = ("env", "-i", PATH, "HOME=/root", "LANG=C.UTF-8")


class Machine:
    """A root directory that is booted while the block runs.

    Args:
        root: Its root directory.
        log: What it says on its console.
    """

    def __init__(self, root: Path, log: Path) -> None:
        self.root = root
        self._log = log
        self._console: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._begin()
        try:
            self._wait_until_booted()
        except BaseException:
            self._end()
            raise
        return self

    def _begin(self) -> None:
        options = ("--register=no", "--keep-unit", "--quiet", "--boot", f"--directory={self.root}")
        boot = shlex.join(["exec", "systemd-nspawn", *options])
        # systemd wants a terminal for its console: script(1) is one
        self._console = subprocess.Popen(
            ["script", "--quiet", "--flush", "--command", boot, str(self._log)],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._console is not None
        with contextlib.suppress(AssertionError, psutil.Error):
            self.init().send_signal(signal.SIGRTMIN + 4)  # systemd(1): power off
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._console.wait(STOP_S)
            return
        for process in psutil.Process(self._console.pid).children(recursive=True):
            process.kill()
        self._console.kill()
        self._console.wait()

    def init(self) -> psutil.Process:
        """Return its first process."""
        assert self._console is not None and self._console.poll() is None, self.log_text()
        for nspawn in psutil.Process(self._console.pid).children():
            for child in nspawn.children():
                if child.name() == "systemd":
                    return child
        raise AssertionError(f"it has not begun: {self.log_text()}")

    def _wait_until_booted(self) -> None:
        """Wait until everything it starts has been started."""
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(AssertionError, psutil.Error):
                if self.state() in {"running", "degraded"}:
                    return
            time.sleep(0.2)
        raise AssertionError(f"it does not boot: {self.log_text()}")

    def state(self) -> str:
        return self.try_run("systemctl", "is-system-running").stdout.strip()

    def reboot(self) -> None:
        """Have it reboot, and wait until it has. What plays the hardware ends where hardware would reset."""
        assert self._console is not None
        self.try_run("systemctl", "reboot")
        self._console.wait(STOP_S)
        self._begin()
        self._wait_until_booted()

    def run(self, *argv: str, text: str = "") -> str:
        """Run a program there as root and return what it says. *text* is its standard input."""
        done = self.try_run(*argv, text=text)
        assert done.returncode == 0, f"{shlex.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def try_run(self, *argv: str, text: str = "") -> subprocess.CompletedProcess[str]:
        enter = ("nsenter", "--target", str(self.init().pid), "--all", *ENV)
        return subprocess.run(
            [*enter, *argv], input=text, capture_output=True, text=True, timeout=CALL_S, check=False
        )

    def show(self, unit: str, what: str) -> str:
        """Return a property of *unit*."""
        return self.run("systemctl", "show", "--value", f"--property={what}", unit).strip()

    def journal(self, unit: str) -> str:
        return self.try_run("journalctl", "--no-pager", "--unit", unit, "--lines=60").stdout

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")[-3000:] if self._log.exists() else ""
