"""`networks`: two that never change."""

from .daemon import contact
from .document import json_text
from .grammar import Call
from .machine import Machine
from .terminal import emit

NETWORKS = (("eth0", "ethernet", "Ethernet device"), ("mpqemubr0", "bridge", "Network bridge"))


def run(call: Call, machine: Machine) -> int:
    """Print them."""
    call.without_names()
    chosen = call.output_format()
    contact(machine, "networks")
    emit(_render(chosen))
    return 0


def _render(chosen: str) -> str:
    if chosen == "json":
        rows = [{"name": name, "type": kind, "description": text} for name, kind, text in NETWORKS]
        return json_text({"list": rows})
    if chosen == "yaml":
        return "".join(
            f"{name}:\n  - type: {kind}\n    description: {text}\n" for name, kind, text in NETWORKS
        )
    if chosen == "csv":
        lines = [f'{name},{kind},"{text}"\n' for name, kind, text in NETWORKS]
        return "Name,Type,Description\n" + "".join(lines)
    rows_ = (("Name", "Type", "Description"), *NETWORKS)
    return "".join(f"{name:<12}{kind:<11}{text}\n" for name, kind, text in rows_)
