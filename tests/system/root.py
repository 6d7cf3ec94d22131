"""A root directory that boots systemd, made of Debian's packages, and Batwa's packages to go into it."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = "bookworm"
INCLUDE = "systemd,systemd-sysv,dbus,procps,python3,init-system-helpers"
LEAVE_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
KEPT = ROOT / "var" / "system" / hashlib.sha256(repr((SUITE, INCLUDE, LEAVE_OUT)).encode()).hexdigest()[:16]
TOOLS = ("mmdebstrap", "systemd-nspawn", "nsenter", "script", "dpkg-deb")
BUILD_S = 540


def require_machine() -> None:
    """Fail, and say what is missing, where no machine can be booted: nothing else shows what this does."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.fail(f"{', '.join(missing)} not found: install the packages of .ci/packages")
    if os.geteuid() != 0:
        pytest.fail("booting a machine needs root: run this as root, as .ci/run does")


def build_root(at: Path) -> None:
    """Fill *at* with a minimal Debian."""
    keep_root()
    call("cp", "--archive", "--reflink=auto", KEPT, at)


def keep_root() -> None:
    """Make `KEPT` if it is not there. That takes half a minute on an idle machine, mostly of waiting."""
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    with KEPT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not KEPT.is_dir():
            options = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEAVE_OUT]
            unfinished = KEPT.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            call(
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                f"--include={INCLUDE}",
                *options,
                SUITE,
                unfinished,
            )
            unfinished.rename(KEPT)


def build_packages(into: Path, *versions: str) -> None:
    """Build the Debian packages of these sources, as if they were of these *versions*."""
    call(sys.executable, "-m", "deploy.debian.build", "--out", into, *versions)


def call(*argv: str | Path) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=BUILD_S, check=False, cwd=ROOT)
    assert done.returncode == 0, f"{argv[0]}: {done.stdout[-1000:]}{done.stderr[-3000:]}"


if __name__ == "__main__":  # `make check` begins with it: it is mostly waiting
    keep_root()
