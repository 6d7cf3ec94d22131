"""Images that can be launched, and `find`, which lists them."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from .daemon import contact
from .document import json_text
from .grammar import Call
from .machine import Machine
from .terminal import Failed, emit

_REMOTES = {"", "release", "daily", "appliance"}
_FINGERPRINTED = "multipass-sim image "


class Image(NamedTuple):
    """One image."""

    name: str
    aliases: tuple[str, ...]
    release: str
    version: str
    remote: str = ""
    is_supported: bool = True

    @property
    def hash(self) -> str:
        """A SHA-256 that is always the same for the same image."""
        return hashlib.sha256(f"{_FINGERPRINTED}{self.name} {self.version}".encode()).hexdigest()

    @property
    def key(self) -> str:
        """The name under which `launch` takes it."""
        return f"{self.remote}:{self.name}" if self.remote else self.name


IMAGES = (
    Image("core", ("core16",), "Core 16", "20261121"),
    *(Image(f"core{n}", (), f"Core {n}", "20261121") for n in (18, 20, 22, 24, 26)),
    Image("20.04", ("focal",), "20.04 LTS", "20260501", is_supported=False),
    Image("22.04", ("jammy",), "22.04 LTS", "20260501"),
    Image("24.04", ("noble", "lts"), "24.04 LTS", "20260501"),
    Image("25.10", ("questing",), "25.10", "20260501"),
    Image("adguard-home", (), "Ubuntu AdGuard Home Appliance", "20200812", "appliance"),
)
_DEFAULT = "lts"


def image_called(wanted: str) -> Image:
    """Return the image that `launch` means by *wanted* (empty: the default). Raises `Failed`."""
    if wanted.startswith(("http://", "https://", "file://")):
        return Image(wanted, (), "", "")
    remote, _, name = wanted.rpartition(":")
    if remote not in _REMOTES:
        raise Failed(
            f"launch failed: Remote '{remote}' is not found. "
            "Please use `multipass find` for supported remotes and images."
        )
    for image in IMAGES:
        if (name or _DEFAULT) in (image.name, *image.aliases) and (image.remote in {"", remote}):
            return image
    raise Failed(f'launch failed: Unable to find an image matching "{name}" in remote "{remote}".')


def missing_file(image: Image) -> str:
    """Return the path of a `file://` image that does not exist; empty for any other."""
    path = image.name.removeprefix("file://")
    return path if path != image.name and not Path(path).is_file() else ""


def run(call: Call, machine: Machine) -> int:
    """Print the images that match."""
    chosen = call.output_format()
    if len(call.names) > 1:
        raise Failed("Too many arguments supplied", 1)
    contact(machine, "find")
    found = [i for i in IMAGES if i.is_supported or "show-unsupported" in call.options]
    if call.names:
        wanted = call.names[0].rpartition(":")[2]
        exact = [i for i in found if wanted in (i.name, *i.aliases)]
        found = [row for i in exact for row in (i._replace(name=wanted, aliases=()), _daily(i, wanted))]
    emit(_FORMATS[chosen](found))
    return 0


def _daily(image: Image, name: str) -> Image:
    return image._replace(name=name, aliases=(), remote="daily")


def _json(found: list[Image]) -> str:
    images = {
        i.key: {
            "aliases": list(i.aliases),
            "os": "Ubuntu",
            "release": i.release,
            "remote": i.remote,
            "version": i.version,
        }
        for i in found
    }
    return json_text({"blueprints (deprecated)": {}, "errors": [], "images": images})


def _yaml(found: list[Image]) -> str:
    text = "errors:\n  []\nblueprints (deprecated):\n  {}\nimages:\n"
    for i in sorted(found, key=lambda i: i.key):
        key = f'"{i.key}"' if ":" in i.key else i.key
        aliases = "".join(f"      - {alias}\n" for alias in i.aliases) or "      []\n"
        text += (
            f"  {key}:\n    aliases:\n{aliases}    os: Ubuntu\n    release: {i.release}\n"
            f"    version: {i.version}\n    remote: {i.remote or chr(34) * 2}\n"
        )
    return text


def _csv(found: list[Image]) -> str:
    return "Image,Remote,Aliases,OS,Release,Version,Type\n" + "".join(
        f"{i.key},{i.remote},{';'.join(i.aliases)},Ubuntu,{i.release},{i.version},Cloud Image\n"
        for i in found
    )


def _table(found: list[Image]) -> str:
    if not found:
        return "No images or blueprints found.\n"
    rows = [(i.key, ",".join(i.aliases), i.version, f"Ubuntu {i.release}") for i in found]
    rows.insert(0, ("Image", "Aliases", "Version", "Description"))
    cells = (28, 18, 17)
    return "".join(f"{a:<{cells[0]}}{b:<{cells[1]}}{c:<{cells[2]}}{d}\n" for a, b, c, d in rows) + "\n"


_FORMATS = {"json": _json, "yaml": _yaml, "csv": _csv, "table": _table}
