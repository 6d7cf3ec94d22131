"""`make deb`: the Debian packages batwa-hub, batwa-agent and batwa, each with all it needs under /opt/batwa.

Only Debian's own python3 and systemd come from outside. What is installed is what requirements.lock pins,
with hashes; it is fetched once for each change of that and kept in var/deb. The packages are for the Python
and the architecture of this machine.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import Distribution, distributions, version
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from deploy.pins import ROOT, closure, pinned

HERE = Path(__file__).resolve().parent

CACHE = ROOT / "var" / "deb"
OURS = ("common", "agent", "hub")
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
ABOUT = "Batwa is a self-hosted control plane for virtual machines on many machines."
NEXT = f"{sys.version_info.major}.{sys.version_info.minor + 1}"
MAINTAINER = "The Batwa authors <batwa@localhost>"


class Package(NamedTuple):
    """One Debian package."""

    name: str
    wanted: str
    """The Python distribution it is made of."""
    commands: dict[str, str]
    """Commands in /usr/bin, and the modules whose `main` they call."""
    files: dict[str, str]
    """Files of the sources, and where they go."""
    depends: str
    says: str

    @property
    def home(self) -> Path:
        """Where it lives."""
        return Path("opt/batwa", self.name.removeprefix("batwa-").replace("batwa", "client"))


UNITS, SYSTEM = "systemd", "usr/lib/systemd/system"
DAEMON = "init-system-helpers (>= 1.60), systemd (>= 250), procps"
PACKAGES = (
    Package(
        name="batwa-hub",
        wanted="batwa-hub[postgresql]",
        commands={"batwa-hub": "batwa_hub.__main__"},
        files={
            f"{UNITS}/batwa-hub.service": SYSTEM,
            f"{UNITS}/batwa-hub.socket": SYSTEM,
            f"{UNITS}/batwa-hub.sysusers": "usr/lib/sysusers.d/batwa-hub.conf",
            f"{UNITS}/batwa-hub.tmpfiles": "usr/lib/tmpfiles.d/batwa-hub.conf",
            # never changed from one version to the next: dpkg would ask whoever has changed it too
            "deploy/debian/hub.toml": "etc/batwa/hub.toml",
            "deploy/config/hub.toml": "usr/share/doc/batwa-hub/examples/hub.toml",
        },
        depends=f"{DAEMON}, passwd",
        says="control plane for virtual machines on many machines",
    ),
    Package(
        name="batwa-agent",
        wanted="batwa-agent",
        commands={"batwa-agent": "batwa_agent.__main__", "multipass-sim": "batwa_agent.simulator.__main__"},
        files={
            f"{UNITS}/batwa-agent.service": SYSTEM,
            f"{UNITS}/batwa-agent.tmpfiles": "usr/lib/tmpfiles.d/batwa-agent.conf",
            "deploy/config/agent.toml": "usr/share/doc/batwa-agent/examples/agent.toml",
        },
        depends=f"{DAEMON}, util-linux",
        says="drives Multipass on one machine for a Batwa hub",
    ),
    Package(
        name="batwa",
        wanted="batwa-common[cli]",
        commands={"batwa": "batwa_common.cli.__main__"},
        files={},
        depends="",
        says="command line of a Batwa hub",
    ),
)


def run(*argv: str | Path) -> None:
    """Run a program. Raises `CalledProcessError`."""
    subprocess.run([str(each) for each in argv], check=True)


def install(into: Path, *what: str | Path) -> None:
    """Have pip put *what* into the directory *into*, compiled, and nothing else."""
    quiet = (
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--no-warn-script-location",
    )
    run(sys.executable, "-m", "pip", "install", *quiet, "--no-deps", "--target", into, *what)


def dependencies(names: set[str]) -> Path:
    """Return a directory with what others made, as the lock pins it; made if the cache has none."""
    pins = pinned(names)
    kept = CACHE / f"{PYTHON}-{hashlib.sha256(pins.encode()).hexdigest()[:16]}"
    if not kept.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as unfinished:
            lock = Path(unfinished, "requirements.lock")
            lock.write_text(pins)
            install(
                Path(unfinished, "site"), "--require-hashes", "--only-binary=:all:", "--requirement", lock
            )
            Path(unfinished, "site").rename(kept)
    return kept


def place(distribution: Distribution, at: Path, into: Path) -> None:
    """Link the files of *distribution*, which is in *at*, to *into*; its commands are left out."""
    for file in distribution.files or ():
        if file.parts[0] in {"..", "bin"}:
            continue
        (into / file).parent.mkdir(parents=True, exist_ok=True)
        os.link(at / file, into / file)


def fill(package: Package, tree: Path, layers: list[Path]) -> None:
    """Put all files of *package* into *tree*."""
    home, names = tree / package.home, closure(package.wanted)
    site = home / "lib" / PYTHON / "site-packages"
    for layer in layers:
        for each in distributions(path=[str(layer)]):
            if canonicalize_name(each.name) in names:
                place(each, layer, site)
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(f"/usr/bin/{PYTHON}")
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    for command, module in package.commands.items():
        script = home / "bin" / command
        script.write_text(
            f"#!/{package.home}/bin/python\nimport sys\n\nfrom {module} import main\n\nsys.exit(main())\n"
        )
        script.chmod(0o755)
        (tree / "usr/bin").mkdir(parents=True, exist_ok=True)
        (tree / "usr/bin" / command).symlink_to(f"/{package.home}/bin/{command}")
    for source, where in package.files.items():
        target = tree / where / Path(source).name if where == SYSTEM else tree / where
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, target)
    (tree / "etc/batwa").mkdir(parents=True, exist_ok=True)


def control(package: Package, tree: Path, number: str) -> None:
    """Write what dpkg wants to know."""
    doc, debian = tree / "usr/share/doc" / package.name, tree / "DEBIAN"
    doc.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "LICENSE", doc / "copyright")
    files = sorted(
        file
        for file in tree.rglob("*")
        if file.is_file() and not file.is_symlink() and debian not in file.parents
    )
    debian.mkdir(exist_ok=True)
    (debian / "md5sums").write_text("".join(f"{md5(file)}  {file.relative_to(tree)}\n" for file in files))
    (debian / "conffiles").write_text(
        "".join(f"/{f.relative_to(tree)}\n" for f in files if f.match("etc/batwa/*"))
    )
    python = f"python3 (>= {PYTHON.removeprefix('python')}~), python3 (<< {NEXT})"
    fields = {
        "Package": package.name,
        "Version": number,
        "Architecture": architecture(),
        "Maintainer": MAINTAINER,
        "Section": "admin",
        "Priority": "optional",
        "Installed-Size": str(sum(file.stat().st_size for file in files) // 1024),
        "Depends": ", ".join(each for each in (python, package.depends) if each),
        "Description": f"{package.says}\n {ABOUT}",
    }
    (debian / "control").write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))
    for script in (HERE / package.name).glob("*"):
        shutil.copyfile(script, debian / script.name)
        (debian / script.name).chmod(0o755)


def md5(file: Path) -> str:
    """Return what dpkg --verify compares with."""
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def architecture() -> str:
    """Return Debian's name of this machine's architecture."""
    asked = subprocess.run(
        ["/usr/bin/dpkg", "--print-architecture"], check=True, stdout=subprocess.PIPE, text=True
    )
    return asked.stdout.strip()


def publish(out: Path) -> None:
    """Put beside the packages what `install.sh --from` wants of an address: their sums, and itself."""
    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(out.glob("*.deb"))}
    (out / "SHA256SUMS").write_text("".join(f"{value}  {name}\n" for name, value in sums.items()))
    shutil.copyfile(ROOT / "deploy" / "install.sh", out / "install.sh")


def main() -> None:
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(description="Build the Debian packages.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="directory for them")
    parser.add_argument("versions", nargs="*", help="Debian versions; by default that of the sources")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    others = dependencies(set().union(*(closure(package.wanted) for package in PACKAGES)))
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        ours = Path(scratch, "ours")
        install(ours, "--no-build-isolation", *(ROOT / part for part in OURS))
        for package in PACKAGES:
            tree = Path(scratch, package.name)
            tree.mkdir(mode=0o755)
            fill(package, tree, [others, ours])
            for each in arguments.versions or [version("batwa-hub")]:
                control(package, tree, each)
                file = arguments.out / f"{package.name}_{each}_{architecture()}.deb"
                run("dpkg-deb", "--root-owner-group", "-Zzstd", "--build", tree, file)
    publish(arguments.out)


if __name__ == "__main__":
    os.umask(0o022)
    main()
