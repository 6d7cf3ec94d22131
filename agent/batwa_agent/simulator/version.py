"""`version`: the recorded lines with `+sim`, by which the agent knows that nothing here is real."""

from .daemon import contact, why_unreachable
from .grammar import Call
from .machine import Machine
from .terminal import emit

VERSION = "1.16.3+sim"


def run(call: Call, machine: Machine) -> int:
    """Print the versions; the daemon's is left out while it is not reachable."""
    call.without_names()
    chosen = call.output_format()
    versions = {"multipass": VERSION}
    if not why_unreachable(machine.faults()):
        contact(machine, "version")
        versions["multipassd"] = VERSION
    emit(_render(versions, chosen))
    return 0


def _render(versions: dict[str, str], chosen: str) -> str:
    if chosen == "json":
        body = ",\n".join(f'    "{name}": "{version}"' for name, version in versions.items())
        return f"{{\n{body}\n}}\n"
    if chosen == "yaml":
        return "".join(f"{name}: {version}\n" for name, version in versions.items())
    if chosen == "csv":
        daemon = versions.get("multipassd", "")
        return f"Multipass,Multipassd,Title,Description,URL\n{VERSION},{daemon},,,\n"
    return "".join(f"{name:<12}{version}\n" for name, version in versions.items())
