"""What the agent tells of its machine: its name and how busy it is."""

import asyncio
import os
import re
import shutil
import socket
from pathlib import Path

import psutil

from batwa_common.wire.agent import HostLoad

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


def host_name() -> str:
    """Return this machine's name."""
    return socket.gethostname()


def id_from(hostname: str) -> str:
    """Return a valid agent id made from *hostname*; `agent` if nothing of it can stay."""
    return _NOT_IN_AN_ID.sub("-", hostname)[:64].strip("._-") or "agent"


async def load(data_dir: Path) -> HostLoad:
    """Return how busy the machine is, and the file system of *data_dir*."""
    return await asyncio.to_thread(_load, data_dir)


def _load(data_dir: Path) -> HostLoad:
    memory = psutil.virtual_memory()
    disk = shutil.disk_usage(data_dir)
    return HostLoad(
        cpus=os.cpu_count() or 1,
        load=os.getloadavg(),
        memory_bytes=memory.total,
        memory_used_bytes=memory.total - memory.available,
        disk_bytes=disk.total,
        disk_used_bytes=disk.used,
    )
