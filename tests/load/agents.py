"""Simulated machines in one process: the agent's own link, uplink and inventory, over VMs that nobody runs.

`python -m tests.load.agents HUB_URL KEYS_FILE VMS INTERVAL_S CHANGES_PER_S`, started by `tests.load`.
"""

import asyncio
import json
import random
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web

from batwa_agent.inventory.inventory import Inventory
from batwa_agent.inventory.known_vms import KnownVms
from batwa_agent.inventory.watcher import Watcher
from batwa_agent.link import Link
from batwa_agent.trust import Trust
from batwa_agent.uplink import FEATURES, Uplink
from batwa_common import logs
from batwa_common.supervisor import Supervisor
from batwa_common.web.dial import MakeProtocol
from batwa_common.wire.agent import DriverStatus, HostLoad, RegisterAgent
from batwa_common.wire.link import link_url
from batwa_common.wire.vm import Vm
from tests.agent.fakes import FakeDriver

LOAD = HostLoad(
    cpus=8,
    load=(0.5, 0.6, 0.7),
    memory_bytes=32 << 30,
    memory_used_bytes=20 << 30,
    disk_bytes=1 << 40,
    disk_used_bytes=1 << 39,
)


async def load() -> HostLoad:
    """Return how busy such a machine is."""
    return LOAD


def vm(agent_id: str, number: int) -> Vm:
    """Return a VM as Multipass would list it."""
    name = f"{agent_id}-vm{number}"
    address = f"10.{number}.{hash(name) % 256}.7"
    return Vm(id=f"vm-{name}", name=name, state="Running", release="24.04 LTS", ipv4=(address,))


class Machine:
    """One of them."""

    def __init__(
        self, session: aiohttp.ClientSession, watcher: Watcher, hub_url: str, agent_id: str, key: str
    ) -> None:
        self.inventory = Inventory()
        self.about = RegisterAgent(
            agent_id=agent_id,
            hostname=agent_id,
            api_url=link_url(agent_id),
            features=FEATURES,
            version="load",
        )
        self._key, self._hub_url, self._session, self._watcher = key, hub_url, session, watcher

    async def run(self, protocol: MakeProtocol, *, vms: int, interval_s: float) -> None:
        """Be an agent until cancelled."""
        agent_id = self.about.agent_id
        self.inventory.replace({each.name: each for each in (vm(agent_id, n) for n in range(vms))})
        uplink = Uplink(
            self._session,
            hub_url=self._hub_url,
            api_key=self._key,
            agent_id=agent_id,
            inventory=self.inventory,
            watcher=self._watcher,
            load=load,
            interval_s=interval_s,
        )
        link = Link(self._session, hub_url=self._hub_url, agent_id=agent_id, api_key=self._key, trust=Trust())
        async with asyncio.TaskGroup() as tasks:
            _ = tasks.create_task(uplink.run_forever(self.about))
            await uplink.registered.wait()
            _ = tasks.create_task(link.run_forever(protocol, back=uplink.back))

    def change(self) -> None:
        """Have one VM start or stop."""
        name = random.choice(list(self.inventory.vms))  # noqa: S311 -- no secret
        one = self.inventory.vms[name]
        changed = one.model_copy(update={"state": "Stopped" if one.state == "Running" else "Running"})
        self.inventory.replace({**self.inventory.vms, name: changed})


async def main(hub_url: str, keys: dict[str, str], vms: int, interval_s: float, changes_per_s: float) -> None:
    """Run them until killed."""
    runner = web.AppRunner(web.Application())
    await runner.setup()
    assert runner.server is not None
    watcher = Watcher(FakeDriver(), Inventory(), KnownVms(Path("/nowhere")), poll_s=1)
    watcher.driver_status = DriverStatus(name="multipass", version="1.16", hypervisor="qemu")
    async with AsyncExitStack() as sessions, Supervisor() as tasks:
        machines = []
        for agent_id, key in keys.items():  # each has connections of its own, as machines have
            session = await sessions.enter_async_context(aiohttp.ClientSession())
            machines.append(Machine(session, watcher, hub_url, agent_id, key))
            tasks.spawn(machines[-1].run(runner.server, vms=vms, interval_s=interval_s), name=agent_id)
        while True:
            await asyncio.sleep(1 / changes_per_s if changes_per_s else 3600)
            random.choice(machines).change()  # noqa: S311 -- no secret


if __name__ == "__main__":
    logs.set_up(level="error", file=None)
    url, file, *numbers = sys.argv[1:]
    known: dict[str, str] = json.loads(Path(file).read_text())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(main(url, known, int(numbers[0]), float(numbers[1]), float(numbers[2])))
