"""What services need of an agent, whatever it speaks and however it is reached."""

from collections.abc import Callable
from typing import Protocol

from batwa_common.wire.exec import Exec, ExecResult
from batwa_common.wire.operation import Operation
from batwa_common.wire.recording import Recording, Recordings
from batwa_common.wire.terminal import OpenTerminal, Terminal
from batwa_common.wire.vm import Vm, VmCommand, VmInfo


class AgentPort(Protocol):
    """One agent as the hub calls it.

    Every call has a deadline and raises `AgentUnreachable` (the request did not get there),
    `AgentTimeout` (no answer; it may have got there), `AgentMisbehaved` (not the protocol), or the
    agent's own error as the class of its code.
    """

    async def submit(self, operation_id: str, command: VmCommand, *, requested_by: str) -> Operation:
        """Have *command* done under this id; a known id returns the operation as it is."""
        ...

    async def get_operation(self, operation_id: str, *, after_revision: int, wait_s: float) -> Operation:
        """Wait up to *wait_s* for news of an operation. Raises `OperationNotFound`."""
        ...

    async def cancel_operation(self, operation_id: str) -> Operation:
        """Ask an operation to stop. Raises `OperationNotFound`, `OperationEnded`."""
        ...

    async def get_vm(self, name: str) -> VmInfo:
        """Ask about one VM."""
        ...

    async def list_vms(self) -> tuple[Vm, ...]:
        """Ask for the list; agents that push their inventory need not be asked."""
        ...


class ShellPort(Protocol):
    """Terminals, recordings and commands of one agent; raises as `AgentPort` does."""

    async def open(self, order: OpenTerminal, *, by: str) -> Terminal:
        """Open a terminal with nobody attached."""
        ...

    async def terminals(self) -> tuple[Terminal, ...]:
        """List terminals."""
        ...

    async def terminal(self, terminal_id: str) -> Terminal:
        """Tell about one. Raises `NotFound`."""
        ...

    async def end(self, terminal_id: str) -> Terminal:
        """End one. Raises `NotFound`."""
        ...

    async def recordings(self) -> Recordings:
        """List recordings."""
        ...

    async def recording(self, recording_id: str) -> Recording:
        """Tell about one. Raises `NotFound`."""
        ...

    async def remove_recording(self, recording_id: str) -> None:
        """Remove one. Raises `NotFound`, `Conflict`."""
        ...

    async def run(self, vm_name: str, asked: Exec) -> ExecResult:
        """Run a command to its end."""
        ...


AgentPorts = Callable[[str], AgentPort]
"""Returns how to call the agent of that id. Raises `AgentNotFound`."""
