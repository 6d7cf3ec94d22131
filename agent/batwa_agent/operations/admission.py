"""What may be asked of a VM in which state. Pure: the answer is nothing, or an error that says what to do."""

from batwa_common.errors import VmExists, VmNotFound, VmStateConflict
from batwa_common.web.vms import AnyCommand
from batwa_common.wire.vm import CreateVm, DeleteVm, RecoverVm, RestartVm, StartVm, StopVm, SuspendVm, Vm


def admit(command: AnyCommand, vm: Vm | None) -> None:
    """Return if *command* makes sense for *vm*, the VM of that name.

    Raises `VmNotFound`, `VmExists`, `VmStateConflict`.
    """
    if isinstance(command, CreateVm):
        return _admit_new(vm)
    if vm is None:
        raise VmNotFound(f"There is no VM '{command.name}' on this machine; list the VMs to see their names.")
    if (reason := _objection(command, vm)) is not None:
        raise VmStateConflict(reason)
    return None


def _admit_new(vm: Vm | None) -> None:
    if vm is None:
        return
    if vm.state == "Deleted":
        raise VmExists(
            f"VM '{vm.name}' is in the trash and keeps its name: recover it, or delete it with purge."
        )
    raise VmExists(f"VM '{vm.name}' exists already ({vm.state}); choose another name.")


def _objection(command: AnyCommand, vm: Vm) -> str | None:
    in_trash = vm.state == "Deleted"
    match command:
        case RecoverVm():
            return (
                None if in_trash else f"VM '{vm.name}' is {vm.state}, not in the trash; nothing to recover."
            )
        case DeleteVm(purge=True):
            return None
        case DeleteVm() if in_trash:
            return (
                f"VM '{vm.name}' is in the trash already; recover it, or delete it with purge to remove it."
            )
        case _ if in_trash:
            return f"VM '{vm.name}' is in the trash; recover it first."
        case StartVm() if vm.state == "Running":
            return f"VM '{vm.name}' is Running already."
        case StopVm(force=False) if vm.state in {"Stopped", "Suspended"}:
            return f"VM '{vm.name}' is {vm.state} already; start it before you stop it."
        case StopVm() if vm.state == "Stopped":
            return f"VM '{vm.name}' is Stopped already."
        case SuspendVm() | RestartVm() if vm.state != "Running":
            return f"VM '{vm.name}' is {vm.state}; only a Running VM can be {command.kind}ed. Start it first."
        case _:
            return None
