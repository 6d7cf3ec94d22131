"""`list`: names, states and addresses in four formats."""

import time

from .daemon import ask, contact
from .document import json_text
from .grammar import Call
from .instances import UP, Instance
from .machine import Machine
from .settings import PRIMARY_NAME
from .terminal import emit

_GAP = 3
_NAME_CELLS = 24


def run(call: Call, machine: Machine) -> int:
    """Print all instances. Without `--no-ipv4` this logs in to each running one, as the real program does."""
    call.without_names()
    chosen = call.output_format()
    contact(machine, "list")
    if "snapshots" in call.options:
        emit(json_text({"errors": [], "info": {}}) if chosen == "json" else "No snapshots found.\n")
        return 0
    now = time.time()
    found = sorted(machine.read().instances.values(), key=lambda i: (i.deleted, i.name))
    running = [i.name for i in found if i.state_at(now) in UP]
    if "no-ipv4" not in call.options:
        ask(machine, running)
    asked = {} if "no-ipv4" in call.options else {i.name: i.ipv4 for i in found if i.name in running}
    emit(_FORMATS[chosen](found, asked, now))
    return 0


def _json(found: list[Instance], asked: dict[str, str], now: float) -> str:
    rows = [
        {
            "ipv4": [asked[i.name]] if i.name in asked else [],
            "name": i.name,
            "release": i.image,
            "state": i.state_at(now),
        }
        for i in found
    ]
    return json_text({"list": rows})


def _yaml(found: list[Instance], asked: dict[str, str], now: float) -> str:
    return (
        "".join(
            f"{i.name}:\n  - state: {i.state_at(now)}\n    ipv4:\n      "
            f"{'- ' + asked[i.name] if i.name in asked else '[]'}\n    release: {i.image}\n"
            for i in _by_name(found)
        )
        or "\n"
    )


def _csv(found: list[Instance], asked: dict[str, str], now: float) -> str:
    return "Name,State,IPv4,IPv6,Release,AllIPv4\n" + "".join(
        f'{i.name},{i.state_at(now)},{asked.get(i.name, "")},,{i.image},"{asked.get(i.name, "")}"\n'
        for i in _by_name(found)
    )


def _table(found: list[Instance], asked: dict[str, str], now: float) -> str:
    if not found:
        return "No instances found.\n"
    cells = max(_NAME_CELLS, *(len(i.name) + _GAP for i in found))
    rows = [("Name", "State", "IPv4", "Image")]
    rows += [(i.name, i.state_at(now), asked.get(i.name, "--"), i.image) for i in _by_name(found)]
    return "".join(f"{name:<{cells}}{state:<18}{ipv4:<17}{image}\n" for name, state, ipv4, image in rows)


def _by_name(found: list[Instance]) -> list[Instance]:
    return sorted(found, key=lambda i: (i.name != PRIMARY_NAME, i.name))


_FORMATS = {"json": _json, "yaml": _yaml, "csv": _csv, "table": _table}
