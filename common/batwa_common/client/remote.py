"""VMs of peers: other hubs, and this hub's own agents. A peer is named by id, host name or address."""

import asyncio
import time
import uuid
from collections.abc import Mapping

from .answers import RemoteVmDone, VmAnswer, VmPage
from .http import path_of
from .noun import Noun
from .operations import ACCEPTED, WORK_S
from .retries import Backoff


class RemoteVmMethods(Noun):
    """The documented methods for VMs elsewhere."""

    async def list_remote_vms(self, peer_id: str) -> list[VmAnswer]:
        """Return the VMs of a peer; of one that is offline, the last list known."""
        return (await self._http.ask(VmPage, "GET", path_of("api", "remote", peer_id, "vm")))["vms"]

    async def create_remote_vm(
        self,
        peer_id: str,
        name: str,
        image: str,
        cpu_cores: int | None = None,
        memory: int | None = None,
        disk_size: int | None = None,
        network: str | None = None,
        hypervisor: str | None = None,
    ) -> RemoteVmDone:
        """Make a VM at a peer; *memory* is in MB, *disk_size* in GB."""
        body = {
            "name": name,
            "image": image,
            "cpu_cores": cpu_cores,
            "memory": memory,
            "disk_size": disk_size,
            "network": network,
            "hypervisor": hypervisor,
        }
        given = {key: value for key, value in body.items() if value is not None}
        return await self._remote("POST", path_of("api", "remote", peer_id, "vm"), given)

    async def start_remote_vm(self, peer_id: str, vm_id: str) -> RemoteVmDone:
        """Start a VM of a peer."""
        return await self._remote("POST", path_of("api", "remote", peer_id, "vm", vm_id, "start"))

    async def stop_remote_vm(self, peer_id: str, vm_id: str, force: bool = False) -> RemoteVmDone:
        """Shut a VM of a peer down, or cut its power if *force*."""
        path = path_of("api", "remote", peer_id, "vm", vm_id, "stop")
        return await self._remote("POST", path, {"force": force})

    async def delete_remote_vm(self, peer_id: str, vm_id: str, delete_disk: bool = True) -> RemoteVmDone:
        """Remove a VM of a peer: for good, or to its trash with *delete_disk* false."""
        path = path_of("api", "remote", peer_id, "vm", vm_id)
        return await self._remote("DELETE", path, {"delete_disk": delete_disk})

    async def _remote(self, method: str, path: str, body: Mapping[str, object] | None = None) -> RemoteVmDone:
        key = {"Idempotency-Key": uuid.uuid4().hex}
        deadline, backoff, n = time.monotonic() + WORK_S, Backoff(), 0
        while True:
            answer = await self._http.send(method, path, body=body, headers=key, timeout_s=WORK_S)
            if answer.status != ACCEPTED or time.monotonic() > deadline:
                return answer.read(RemoteVmDone)
            await asyncio.sleep(backoff.pause(n))  # the hub was about to stop; the key finds the work again
            n += 1
