"""VMs: the documented methods, and the work behind them."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from batwa_common.wire.documented import VmDetails, VmInfoAnswer
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import (
    CreateVm,
    DeleteVm,
    RecoverVm,
    RestartVm,
    StartVm,
    StopVm,
    SuspendVm,
)

from .answers import ExecResult, VmAnswer, VmDone, VmPage
from .http import Answer, path_of
from .operations import ACCEPTED, SLACK_S, WORK_S, OperationMethods

T = TypeVar("T")

_ASYNC = {"Prefer": "respond-async"}

AnyVmCommand = CreateVm | StartVm | StopVm | RestartVm | SuspendVm | DeleteVm | RecoverVm


class VmMethods(OperationMethods):
    """VMs of the hub's whole fleet. A *name* may be an id; *agent_id* says whose VM of that name is meant."""

    async def list_vms(
        self,
        *,
        state: str | None = None,
        agent_id: str | None = None,
        tag: str | None = None,
        q: str | None = None,
    ) -> list[VmAnswer]:
        """Return all VMs, or those in a *state*, of an agent, of agents with *tag* (`k=v`), like *q*."""
        query: dict[str, object] = {"state": state, "agent_id": agent_id, "tag": tag, "q": q}
        vms: list[VmAnswer] = []
        cursor: str | None = None
        while True:
            page = await self._http.ask(VmPage, "GET", "/api/vm", query=query | {"cursor": cursor})
            vms += page["vms"]
            if not (cursor := page.get("next")):
                return vms

    async def create_vm(
        self,
        name: str,
        image: str,
        cpu_cores: int | None = None,
        memory: int | None = None,
        disk_size: int | None = None,
        network: str | None = None,
        hypervisor: str | None = None,
        *,
        cloud_init: str | None = None,
        agent_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> VmAnswer:
        """Make a VM, wait until it runs, and return it.

        *memory* is in MB, *disk_size* in GB. What is left out is the hub's default (2 cores, 2048 MB,
        20 GB). Raises `VmExists`, `DriverRefused` and what else the driver raises.
        """
        body = _given(
            name=name,
            image=image,
            cpu_cores=cpu_cores,
            memory=memory,
            disk_size=disk_size,
            network=network,
            hypervisor=hypervisor,
            cloud_init=cloud_init,
            agent_id=agent_id,
        )
        return await self._work(VmAnswer, "POST", "/api/vm", body=body, idempotency_key=idempotency_key)

    async def get_vm_status(self, name: str, *, agent_id: str | None = None) -> VmAnswer:
        """Return one VM. Raises `VmNotFound`, `VmAmbiguous`."""
        return await self._http.ask(VmAnswer, "GET", path_of("api", "vm", name), query={"agent_id": agent_id})

    get_vm = get_vm_status

    async def get_vm_info(self, name: str, *, agent_id: str | None = None) -> VmDetails:
        """Ask the VM's agent about it: load, memory and disk in use, image. Raises what the driver raises."""
        path = path_of("api", "vm", "info", name)
        return (await self._http.ask(VmInfoAnswer, "GET", path, query={"agent_id": agent_id})).info

    async def start_vm(self, name: str, *, agent_id: str | None = None) -> VmDone:
        """Start a stopped or suspended VM and wait until it runs."""
        return await self._act(name, "start", agent_id)

    async def stop_vm(self, name: str, force: bool = False, *, agent_id: str | None = None) -> VmDone:
        """Shut a VM down, or cut its power if *force*, and wait until it is stopped."""
        return await self._act(name, "stop", agent_id, {"force": force})

    async def restart_vm(self, name: str, *, agent_id: str | None = None) -> VmDone:
        """Shut a VM down and start it again."""
        return await self._act(name, "restart", agent_id)

    async def suspend_vm(self, name: str, *, agent_id: str | None = None) -> VmDone:
        """Save a VM's memory to disk and stop it."""
        return await self._act(name, "suspend", agent_id)

    async def recover_vm(self, name: str, *, agent_id: str | None = None) -> VmDone:
        """Bring a VM back from the trash, stopped."""
        return await self._act(name, "recover", agent_id)

    async def delete_vm(self, name: str, delete_disk: bool = True, *, agent_id: str | None = None) -> VmDone:
        """Remove a VM: for good, or to the trash with *delete_disk* false. No other VM is touched."""
        return await self._work(
            VmDone,
            "DELETE",
            path_of("api", "vm", name),
            query={"agent_id": agent_id},
            body={"delete_disk": delete_disk},
        )

    async def exec_vm(
        self,
        name: str,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        timeout_s: float = 60.0,
        agent_id: str | None = None,
    ) -> ExecResult:
        """Run *command*, an argv, in a VM and return how it ended. Raises `NotFound` where the hub cannot."""
        body = _given(command=list(command), stdin=stdin, timeout_s=timeout_s, agent_id=agent_id)
        path = path_of("api", "vm", name, "exec")
        return await self._http.ask(ExecResult, "POST", path, body=body, timeout_s=timeout_s + SLACK_S)

    async def submit(self, command: AnyVmCommand, *, idempotency_key: str | None = None) -> Operation:
        """Ask for *command* and return its operation at once. The same key again finds the same operation."""
        body = command.model_dump(mode="json", exclude_unset=True, exclude={"kind"})
        headers = _ASYNC | {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        path = path_of("api", "vm", command.kind)
        answer = await self._http.send("POST", path, body=body, headers=headers)
        if answer.status == ACCEPTED or answer.location is None:
            return answer.read(Operation)
        return await self.get_operation(answer.location.rpartition("/")[2])  # it has ended already

    async def _act(
        self, name: str, verb: str, agent_id: str | None, body: Mapping[str, object] | None = None
    ) -> VmDone:
        path = path_of("api", "vm", name, verb)
        return await self._work(VmDone, "POST", path, query={"agent_id": agent_id}, body=body)

    async def _work(
        self,
        shape: type[T],
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
    ) -> T:
        """Ask for work, wait until it is done, and return the documented answer.

        Waits by long polls: no proxy sees an idle connection. Then the same request, which by its key
        means the same operation, is answered at once.
        """
        key = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}

        async def ask(headers: dict[str, str]) -> Answer:
            return await self._http.send(
                method, path, body=body, query=query, headers=key | headers, timeout_s=WORK_S
            )

        answer = await ask(_ASYNC)
        while answer.status == ACCEPTED:
            await self.wait_operation(answer.read(Operation))
            answer = await ask({})
        return answer.read(shape)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
