"""What `launch` asks for, checked in Multipass's order: the client first, then the daemon."""

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

from .grammar import Call
from .images import Image, image_called
from .machine import State
from .networks import NETWORKS
from .terminal import Failed, client_exception

_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmg])i?)?b?", re.ASCII | re.IGNORECASE)
_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LEAST_MEMORY_BYTES = 128 << 20
_LEAST_DISK_BYTES = 512 << 20
_BRACKETS = {"[": ("]", "sequence"), "{": ("}", "map")}


class Request(NamedTuple):
    """A launch as asked for."""

    name: str
    """Empty: make one up."""
    image: str
    cpus: int
    memory: str
    disk: str
    memory_bytes: int
    disk_bytes: int
    networks: tuple[str, ...]
    user_data: str
    """The cloud-init document; empty for none."""


def read_request(call: Call) -> Request:
    """Check what the client checks before it calls the daemon. Raises `Failed` (1)."""
    if len(call.names) > 1:
        raise Failed("Too many arguments supplied", 1)
    options = call.options
    cpus = options.get("cpus", "1")
    if not (cpus.isascii() and cpus.isdigit() and int(cpus) > 0):
        raise Failed(f"Error: invalid CPU count '{cpus}', need a positive integer value.", 1)
    memory, disk = options.get("memory", options.get("mem", "1G")), options.get("disk", "5G")
    mount = options.get("mount")
    if mount is not None and not Path(mount.partition(":")[0]).is_dir():
        raise Failed(f'Mount source path "{mount.partition(":")[0]}" does not exist', 1)
    if mount is not None:
        raise Failed("multipass-sim: `launch --mount` is not simulated; docs/simulator.md lists what is")
    networks = (options["network"],) if "network" in options else ()
    return Request(
        name=options.get("name", ""),
        image=call.names[0] if call.names else "",
        cpus=int(cpus),
        memory=memory,
        disk=disk,
        memory_bytes=_size_bytes(memory),
        disk_bytes=_size_bytes(disk),
        networks=networks + (("bridged",) if "bridged" in options else ()),
        user_data=_user_data(options["cloud-init"]) if "cloud-init" in options else "",
    )


def check_request(request: Request, state: State) -> Image:
    """Check what the daemon checks. Returns the image; raises `Failed` (2)."""
    if "bridged" in request.networks:
        raise Failed(
            "launch failed: You have to `multipass set local.bridged-network=<name>` "
            'to use the "bridged" shortcut.'
        )
    wrong = []
    if request.name and not _NAME.fullmatch(request.name):
        wrong.append(f"Invalid instance name supplied: {request.name}")
    if request.memory_bytes < _LEAST_MEMORY_BYTES:
        wrong.append(f"Invalid memory size value supplied: {request.memory}.")
    if request.disk_bytes < _LEAST_DISK_BYTES:
        wrong.append(f"Invalid disk size value supplied: {request.disk}.")
    if set(request.networks) - {name for name, _, _ in NETWORKS}:
        wrong.append("Invalid network options supplied")
    if wrong:
        raise Failed("launch failed: Invalid arguments supplied\n" + "\n".join(wrong))
    if request.networks:
        raise Failed("launch failed: Missing bridges\nInvalid network options supplied")
    if request.name in state.instances:
        raise Failed(f'launch failed: instance "{request.name}" already exists')
    if state.is_preparing(request.name):
        raise Failed(f'launch failed: instance "{request.name}" is being prepared')
    return image_called(request.image)


def free_name(state: State) -> str:
    """Make up a name that nobody has."""
    words = ("amber", "brisk", "calm", "daring", "eager", "fabled", "gentle", "hardy", "jolly", "keen")
    animals = (
        "badger",
        "cormorant",
        "dingo",
        "egret",
        "ferret",
        "gibbon",
        "heron",
        "ibex",
        "jackal",
        "koala",
    )
    while True:
        first, second = os.urandom(2)
        name = f"{words[first % len(words)]}-{animals[second % len(animals)]}"
        if len(state.instances) > len(words) * len(animals) // 2:
            name += f"-{len(state.instances)}"
        if name not in state.instances and not state.is_preparing(name):
            return name


def _size_bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None or ("." in match[1] and not match[2]):
        raise client_exception(
            f"{text} is not a valid memory size - need a non-negative integer (in base 10) "
            "or a decimal followed by K, M, or G (e.g. 1234B, 42MiB, 0.5G)"
        )
    return int(float(match[1]) * _FACTORS[(match[2] or "").lower()])


def _user_data(path: str) -> str:
    trouble = "Could not load cloud-init configuration: "
    if path == "-":
        text = sys.stdin.read()
    else:
        try:
            text = Path(path).read_text()
        except OSError as error:
            text_ = f"{trouble}bad file: {path}\nPlease ensure that Multipass can read it."
            raise Failed(text_, 1) from error
    for opening, (closing, kind) in _BRACKETS.items():
        # all the YAML that can be checked without a parser: something opened and never closed
        if text.count(opening) > text.count(closing):
            line = text.count("\n") + 1
            raise Failed(
                f"{trouble}yaml-cpp: error at line {line}, column 1: end of {kind} flow not found", 1
            )
    return text
