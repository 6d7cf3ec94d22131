"""`get`: the daemon's settings (fixed) and what each instance was given."""

from .daemon import contact, why_unreachable
from .document import human_size
from .grammar import Call
from .instances import Instance
from .machine import Machine
from .terminal import Failed, complain, emit, log_prefix

PRIMARY_NAME = "primary"

_CLIENT = {"client.primary-name": PRIMARY_NAME}
_LOCAL = {
    "local.bridged-network": "",
    "local.driver": "qemu",
    "local.image.mirror": "",
    "local.passphrase": "false",
    "local.privileged-mounts": "true",
}


def run(call: Call, machine: Machine) -> int:
    """Print the value of one key, or all keys."""
    if "keys" in call.options:
        emit("".join(f"{key}\n" for key in sorted(_keys(machine))))
        return 0
    if len(call.names) != 1:
        raise Failed(
            "Multiple settings not implemented yet. "
            "Please try again with one setting key or just the `--keys` option for now.",
            1,
        )
    value = _value(machine, call.names[0])
    emit((value or ("" if "raw" in call.options else "<empty>")) + "\n")
    return 0


def _keys(machine: Machine) -> list[str]:
    if why_unreachable(machine.faults()):
        complain(f"{log_prefix('remote settings')}Could not reach daemon.\n")
        return list(_CLIENT)
    contact(machine, "get")
    found = machine.read().instances.values()
    return [*_CLIENT, *_LOCAL, *(f"local.{i.name}.{key}" for i in found if not i.deleted for key in _of(i))]


def _value(machine: Machine, key: str) -> str:
    if key in _CLIENT:
        return _CLIENT[key]
    contact(machine, "get")
    if key in _LOCAL:
        return _LOCAL[key]
    local, _, rest = key.partition(".")
    name, _, setting = rest.rpartition(".")
    instance = machine.read().instances.get(name)
    if local == "local" and instance is not None and setting in _of(instance):
        return _of(instance)[setting]
    raise Failed(f"get failed: Unrecognized settings key: '{key}'")


def _of(instance: Instance) -> dict[str, str]:
    return {
        "bridged": "false",
        "cpus": str(instance.cpus),
        "disk": human_size(instance.disk_bytes),
        "memory": human_size(instance.memory_bytes),
    }
