"""`info`: what only asking an instance can tell; empty while it does not run."""

import os
import time
from typing import Any

from .daemon import ask, contact
from .document import human_size, json_text
from .grammar import Call
from .instances import UP, Instance
from .machine import Machine
from .terminal import Failed, complain, emit

_USABLE_MEMORY = 0.93
_USED_MEMORY = 0.21
_USABLE_DISK = 0.958
_USED_DISK = 0.095
_DEPRECATED_ALL = (
    "Warning: the `--all` flag for the `info` command is deprecated. "
    "Please use `info` with no positional arguments for the same effect.\n"
)


def run(call: Call, machine: Machine) -> int:
    """Print the named instances, or all; fail as a whole if one of them is missing."""
    chosen = call.output_format()
    if "all" in call.options:
        complain(_DEPRECATED_ALL)
    contact(machine, "info")
    known = machine.read().instances
    if missing := [name for name in call.names if name not in known]:
        lines = "\n".join(f'instance "{name}" does not exist' for name in missing)
        raise Failed(f"info failed: The following errors occurred:\n{lines}")
    now = time.time()
    found = [known[name] for name in sorted(call.names or known)]
    ask(machine, [i.name for i in found if i.state_at(now) in UP])
    emit(_FORMATS[chosen]([_facts(i, now) for i in found]))
    return 0


def _facts(instance: Instance, now: float) -> dict[str, Any]:
    """Return the JSON of one instance, with its name."""
    state = instance.state_at(now)
    is_up = state in UP
    disk = {
        "total": str(int(instance.disk_bytes * _USABLE_DISK)),
        "used": str(int(instance.disk_bytes * _USED_DISK)),
    }
    memory = {
        "total": int(instance.memory_bytes * _USABLE_MEMORY),
        "used": int(instance.memory_bytes * _USED_MEMORY),
    }
    return {
        "name": instance.name,
        "state": state,
        "cpu_count": str(instance.cpus) if is_up else "",
        "disks": {"sda1": disk if is_up else {}},
        "image_hash": instance.image_hash,
        "image_release": instance.image_release,
        "ipv4": [instance.ipv4] if is_up else [],
        "load": [round(x, 2) for x in os.getloadavg()] if is_up else [],
        "memory": memory if is_up else {},
        "mounts": {},
        "release": instance.os_release if is_up else "",
        "snapshot_count": "0",
    }


def _json(found: list[dict[str, Any]]) -> str:
    info = {facts["name"]: {k: v for k, v in facts.items() if k != "name"} for facts in found}
    return json_text({"errors": [], "info": info})


def _yaml(found: list[dict[str, Any]]) -> str:
    return "errors:\n  - ~\n" + "".join(_yaml_of(facts) for facts in found)


def _yaml_of(f: dict[str, Any]) -> str:
    disk, memory = f["disks"]["sda1"], f["memory"]
    load = "".join(f"      - {x:g}\n" for x in f["load"])
    ipv4 = "".join(f"      - {ip}\n" for ip in f["ipv4"]) or "      []\n"
    return (
        f"{f['name']}:\n  - state: {f['state']}\n    snapshot_count: {f['snapshot_count']}\n"
        f"    image_hash: {f['image_hash']}\n    image_release: {f['image_release'] or chr(34) * 2}\n"
        f"    release: {f['release'] or '~'}\n    cpu_count: {f['cpu_count'] or '~'}\n"
        + (f"    load:\n{load}" if load else "")
        + f"    disks:\n      - sda1:\n          used: {disk.get('used', '~')}\n"
        f"          total: {disk.get('total', '~')}\n"
        f"    memory:\n      usage: {memory.get('used', '~')}\n      total: {memory.get('total', '~')}\n"
        f"    ipv4:\n{ipv4}    mounts: ~\n"
    )


def _csv(found: list[dict[str, Any]]) -> str:
    text = (
        "Name,State,Ipv4,Ipv6,Release,Image hash,Image release,Load,Disk usage,Disk total,"
        "Memory usage,Memory total,Mounts,AllIPv4,CPU(s),Snapshots\n"
    )
    for f in found:
        disk, memory, ipv4 = f["disks"]["sda1"], f["memory"], ",".join(f["ipv4"])
        load = " ".join(f"{x:.2f}" for x in f["load"])
        cells = [f["name"], f["state"], ipv4, "", f["release"], f["image_hash"], f["image_release"], load]
        cells += [
            disk.get("used", ""),
            disk.get("total", ""),
            memory.get("used", ""),
            memory.get("total", ""),
        ]
        cells += ["", ipv4, f["cpu_count"], f["snapshot_count"]]
        text += ",".join(str(cell) for cell in cells) + "\n"
    return text


def _table(found: list[dict[str, Any]]) -> str:
    return "\n".join(_table_of(facts) for facts in found) or "No instances found.\n"


def _table_of(f: dict[str, Any]) -> str:
    disk, memory = f["disks"]["sda1"], f["memory"]
    release = f" (Ubuntu {f['image_release']})" if f["image_release"] else ""
    rows = (
        ("Name", f["name"]),
        ("State", f["state"]),
        ("Snapshots", f["snapshot_count"]),
        ("IPv4", "".join(f["ipv4"]) or "--"),
        ("Release", f["release"] or "--"),
        ("Image hash", f["image_hash"][:12] + release),
        ("CPU(s)", f["cpu_count"] or "--"),
        ("Load", " ".join(f"{x:.2f}" for x in f["load"]) or "--"),
        ("Disk usage", _share(int(disk.get("used", 0)), int(disk.get("total", 0)))),
        ("Memory usage", _share(memory.get("used", 0), memory.get("total", 0))),
        ("Mounts", "--"),
    )
    return "".join(f"{name + ':':<16}{value}\n" for name, value in rows)


def _share(used: int, total: int) -> str:
    return f"{human_size(used)} out of {human_size(total)}" if total else "--"


_FORMATS = {"json": _json, "yaml": _yaml, "csv": _csv, "table": _table}
