"""The VM service: one protocol for every place that runs VMs, and how to wait for its work."""

import time
from collections.abc import Sequence
from typing import Protocol

from .errors import BatwaError, OperationCancelled
from .scope import Scope
from .wire.documented import ListedVm, VmDetails
from .wire.operation import Operation
from .wire.vm import VmCommand

POLL_S = 25.0
"""Longest single wait for news of an operation; below the idle time-outs of common proxies."""


class VmService(Protocol):
    """A place that runs VMs: this machine, an agent, or the whole fleet."""

    async def list_vms(self, *, within: Scope | None = None) -> Sequence[ListedVm]:
        """Return every VM, those in the trash included, from what is known: asks no VM.

        With *within* only those on agents it allows; a single machine does not look at it.
        """
        ...

    async def see_vm(self, name: str, *, agent_id: str | None = None) -> ListedVm:
        """Return one VM by name or id, from what is known: asks no VM. Raises `VmNotFound`, `VmAmbiguous`."""
        ...

    def hypervisor(self, agent_id: str | None) -> str | None:
        """Return what VMs run on there, for instance `kvm`; None if it does not tell or is none.

        None for *agent_id* is the local one.
        """
        ...

    async def get_vm(self, name: str, *, agent_id: str | None = None) -> VmDetails:
        """Ask about one VM by name or id. Raises `VmNotFound`, `VmAmbiguous` and what the driver raises."""
        ...

    async def submit(
        self, command: VmCommand, *, requested_by: str, idempotency_key: str | None = None
    ) -> Operation:
        """Accept *command* as an operation and return at once; it is on disk when this returns.

        The same *idempotency_key* from the same caller returns the operation it made before.
        Raises what can be told at once: `VmNotFound`, `VmExists`, `VmBusy`, `VmStateConflict`,
        `IdempotencyKeyReused`.
        """
        ...

    async def find_operations(self, *, limit: int = 100) -> Sequence[Operation]:
        """Return the newest operations first, without their logs."""
        ...

    async def get_operation(
        self, operation_id: str, *, after_revision: int | None = None, wait_s: float = 0
    ) -> Operation:
        """Return an operation, waiting up to *wait_s* for a revision beyond *after_revision*.

        Raises `OperationNotFound`. An operation that has ended is returned at once.
        """
        ...

    async def cancel_operation(self, operation_id: str) -> Operation:
        """Ask an operation to stop. Raises `OperationNotFound`, `OperationEnded`."""
        ...


async def ended(service: VmService, operation: Operation, *, within_s: float) -> Operation:
    """Wait until *operation* has a final state, for *within_s* at most, and return the latest of it."""
    deadline = time.monotonic() + within_s
    while not operation.has_ended and (left := deadline - time.monotonic()) > 0:
        operation = await service.get_operation(
            operation.id, after_revision=operation.revision, wait_s=min(POLL_S, left)
        )
    return operation


def raise_failure(operation: Operation) -> None:
    """Raise what made *operation* fail, as the class of its code; return if it did not."""
    if operation.state == "cancelled":
        raise OperationCancelled(f"the operation {operation.id} was cancelled")
    if (failure := operation.error) is not None:
        raise BatwaError.by_code.get(failure.code, BatwaError)(failure.detail)
