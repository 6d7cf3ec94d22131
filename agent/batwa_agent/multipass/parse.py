"""What Multipass answers, as values. Pure, and tolerant: only what cannot be read at all is an error."""

import ipaddress
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from batwa_agent.driver import Details, Listed
from batwa_common.errors import DriverFailed
from batwa_common.wire.vm import VM_STATES, VmState, size_bytes

_CONTROL = re.compile(
    rb"\x1b(?:\[[0-?]{0,32}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|[^\[\]]?)|\r*\n|[\x08\r]"
)
_OTHER_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_DRIVER = re.compile(r"[a-z][a-z0-9-]{0,31}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_OBJECT = re.compile(r"^[ \t]*\{|\{", re.MULTILINE)
_TRIES = 50
"""Places where a JSON document may begin before we give up: output is not always ours to trust."""


class Version(NamedTuple):
    """Versions of the two halves of Multipass."""

    client: str
    daemon: str | None
    """None if the daemon does not answer the client."""


def clean(output: bytes) -> str:
    """Return what a person would be left reading: no escapes, no spinner, no line that was erased."""
    lines, line, start = list[bytes](), bytearray(), 0
    for token in _CONTROL.finditer(output):
        line += output[start : token.start()]
        start = token.end()
        if token[0] == b"\x08":
            del line[-1:]
        elif token[0].endswith(b"\n"):
            lines.append(bytes(line))
            line.clear()
        elif token[0] in (b"\r", b"\x1b[2K"):
            line.clear()
    lines.append(bytes(line) + output[start:])
    return _OTHER_CONTROL.sub("", b"\n".join(lines).decode("utf-8", "replace"))


def parse_version(text: str) -> Version:
    """Read `multipass version --format json`. Raises `DriverFailed`."""
    document = _document(text, "multipass", "version")
    return Version(_text(document["multipass"]), _text(document.get("multipassd")) or None)


def parse_hypervisor(text: str, platform: str) -> str | None:
    """Read `multipass get local.driver`; None if it tells none. *platform* is `sys.platform`.

    On Linux the driver `qemu` is QEMU with KVM, and Multipass starts no VM without.
    """
    name = text.strip().lower()
    if not _DRIVER.fullmatch(name):
        return None
    return "kvm" if platform == "linux" and name in {"qemu", "libvirt"} else name


def parse_list(text: str) -> list[Listed]:
    """Read `multipass list --format json`, sorted by name. Raises `DriverFailed`."""
    entries = _document(text, "list", "list")["list"]
    if not isinstance(entries, list):
        raise DriverFailed("multipass list answered something that is not a list")
    listed = {}
    for entry in entries:
        name = _text(entry.get("name")) if isinstance(entry, dict) else ""
        if _NAME.fullmatch(name):  # what is not a name must not come back as an argument
            listed[name] = Listed(name, _state(entry.get("state")), _release(entry.get("release")))
    return sorted(listed.values())


def parse_info(text: str, name: str) -> Details:
    """Read what `multipass info NAME --format json` tells of *name*. Raises `DriverFailed`."""
    info = _document(text, "info", "info")["info"]
    found = info.get(name) if isinstance(info, dict) else None
    if not isinstance(found, dict):
        raise DriverFailed(f"multipass info did not tell about {name}")
    memory, disks = _mapping(found.get("memory")), list(_mapping(found.get("disks")).values())
    return Details(
        state=_state(found.get("state")),
        ipv4=tuple(_addresses(found.get("ipv4"))),
        release=_release(found.get("release")),
        image_release=_release(found.get("image_release")),
        image_hash=_text(found.get("image_hash")),
        cpus=_whole(found.get("cpu_count")),
        load=_load(found.get("load")),
        memory_bytes=_whole(memory.get("total")),
        memory_used_bytes=_whole(memory.get("used")),
        disk_bytes=_sum(_whole(_mapping(disk).get("total")) for disk in disks),
        disk_used_bytes=_sum(_whole(_mapping(disk).get("used")) for disk in disks),
        snapshot_count=_whole(found.get("snapshot_count")) or 0,
    )


def parse_setting_bytes(text: str) -> int:
    """Read `multipass get local.NAME.memory` (or `.disk`), such as `1.0GiB`. Raises `DriverFailed`."""
    try:
        return size_bytes(_last_line(text))
    except (ValueError, OverflowError):
        raise DriverFailed(f"multipass get answered {_shown(text)}, which is not a size") from None


def parse_setting_count(text: str) -> int:
    """Read `multipass get local.NAME.cpus`. Raises `DriverFailed`."""
    if (count := _whole(_last_line(text))) is None:
        raise DriverFailed(f"multipass get answered {_shown(text)}, which is not a number")
    return count


def _document(text: str, key: str, command: str) -> dict[str, Any]:
    """Return the first JSON object in *text* that has *key*, whatever stands around it."""
    decoder = json.JSONDecoder()
    for tries, match in enumerate(_OBJECT.finditer(text)):
        if tries == _TRIES:
            break
        try:
            value, _ = decoder.raw_decode(text, match.end() - 1)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and key in value:
            return value
    raise DriverFailed(f"multipass {command} answered {_shown(text)}, which cannot be read")


def _shown(text: str) -> str:
    line = " ".join(text[:1000].split())
    return repr(line[:200]) if line else "nothing"


def _last_line(text: str) -> str:
    lines = text.split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    # A lone surrogate is legal in JSON and cannot be sent on.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _state(value: object) -> VmState:
    return cast("VmState", value) if isinstance(value, str) and value in VM_STATES else "Unknown"


def _release(value: object) -> str:
    return "" if value == "Not Available" else _text(value)


def _whole(value: object) -> int | None:
    """Return a number of zero or more that may be written as a string, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < 1 << 63 else None


def _sum(values: Iterator[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _load(value: object) -> tuple[float, ...]:
    if not isinstance(value, list):
        return ()
    numbers = [float(n) for n in value[:3] if isinstance(n, int | float) and abs(n) < 1 << 53]
    return tuple(n for n in numbers if math.isfinite(n))


def _addresses(value: object) -> Iterator[str]:
    for address in value if isinstance(value, list) else ():
        try:
            yield str(ipaddress.IPv4Address(address))
        except ValueError:
            continue
