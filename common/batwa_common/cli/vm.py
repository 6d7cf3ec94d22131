"""`batwa vm`: virtual machines."""

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from batwa_common.client.answers import VmAnswer
from batwa_common.client.vms import AnyVmCommand
from batwa_common.errors import NotFound, Unavailable, VmNotFound
from batwa_common.wire.documented import VmDetails
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import (
    CreateVm,
    DeleteVm,
    RecoverVm,
    RestartVm,
    StartVm,
    StopVm,
    SuspendVm,
    size_text,
)

from .command import built
from .connection import hub
from .progress import finish
from .shell import shell
from .show import Json, OnAgent, Wait, age, as_json, details, remark, say, table

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.command("shell")(shell)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the VM.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME…", help="Names or ids of VMs.")]

GAVE_UP = 124
"""Exit code for a command that did not end in time, as timeout(1) has it."""
_DONE = {
    "create": "created",
    "start": "started",
    "stop": "stopped",
    "restart": "restarted",
    "suspend": "suspended",
    "delete": "deleted",
    "recover": "recovered",
}


@app.command("ls")
def list_vms(
    ctx: typer.Context,
    agent: OnAgent = None,
    state: Annotated[str | None, typer.Option(help="Only those in this state, such as Running.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only on agents with this tag, KEY=VALUE.")] = None,
    query: Annotated[str | None, typer.Option("--query", "-q", help="Only those like this text.")] = None,
    json: Json = False,
) -> None:
    """List VMs."""
    with hub(ctx) as client:
        vms = client.list_vms(state=state, agent_id=agent, tag=tag, q=query)
    if json:
        as_json(vms)
    else:
        table(
            ("NAME", "STATE", "IPV4", "RELEASE", "CPUS", "MEMORY", "DISK", "AGENT", "CREATED"), map(_row, vms)
        )


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Letters, digits and hyphens.")],
    image: Annotated[
        str | None, typer.Option(help="Release, alias or URL; left out, the current LTS.")
    ] = None,
    cpus: Annotated[int | None, typer.Option(help="Virtual CPUs (1).")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory, such as 2G (1G).")] = None,
    disk: Annotated[str | None, typer.Option(help="Disk, such as 10G (5G).")] = None,
    cloud_init: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File with user data for cloud-init.")
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option("--agent", "-a", metavar="ID", help="Where; left out, the hub's own machine."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Idempotency key: the same again makes no second VM.")
    ] = None,
    wait: Wait = True,
    json: Json = False,
) -> None:
    """Make a VM and start it; what it is doing is shown as it goes."""
    wanted = {
        "name": name,
        "image": image,
        "cpus": cpus,
        "memory": memory,
        "disk": disk,
        "cloud_init": cloud_init.read_text(encoding="utf-8") if cloud_init else None,
        "agent_id": agent,
    }
    command = built(CreateVm, {option: value for option, value in wanted.items() if value is not None})
    with hub(ctx) as client:
        operation = client.submit(command, idempotency_key=key)
        if wait:
            operation = finish(client, operation)
    _tell([operation], json=json)


@app.command("info")
def info(ctx: typer.Context, name: Name, agent: OnAgent = None, json: Json = False) -> None:
    """Show one VM, as it is now."""
    with hub(ctx) as client:
        vm = client.get_vm_info(name, agent_id=agent)
    if json:
        as_json(vm)
    else:
        _details(vm)


@app.command("start")
def start(
    ctx: typer.Context, names: Names, agent: OnAgent = None, wait: Wait = True, json: Json = False
) -> None:
    """Start stopped or suspended VMs."""
    _each(ctx, names, StartVm, {"agent_id": agent}, wait=wait, json=json)


@app.command("stop")
def stop(
    ctx: typer.Context,
    names: Names,
    agent: OnAgent = None,
    force: Annotated[bool, typer.Option("--force", help="Cut the power instead of asking.")] = False,
    wait: Wait = True,
    json: Json = False,
) -> None:
    """Shut VMs down."""
    _each(ctx, names, StopVm, {"agent_id": agent, "force": force}, wait=wait, json=json)


@app.command("restart")
def restart(
    ctx: typer.Context, names: Names, agent: OnAgent = None, wait: Wait = True, json: Json = False
) -> None:
    """Shut VMs down and start them again."""
    _each(ctx, names, RestartVm, {"agent_id": agent}, wait=wait, json=json)


@app.command("suspend")
def suspend(
    ctx: typer.Context, names: Names, agent: OnAgent = None, wait: Wait = True, json: Json = False
) -> None:
    """Save VMs' memory to disk and stop them."""
    _each(ctx, names, SuspendVm, {"agent_id": agent}, wait=wait, json=json)


@app.command("delete")
def delete(
    ctx: typer.Context,
    names: Names,
    agent: OnAgent = None,
    purge: Annotated[bool, typer.Option("--purge", help="For good, also from the trash.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before --purge.")] = False,
    wait: Wait = True,
    json: Json = False,
) -> None:
    """Move VMs to the trash, from which `recover` brings them back; or remove them for good."""
    if purge and not yes and sys.stdin.isatty():
        typer.confirm(f"Remove {', '.join(names)} for good?", abort=True, err=True)
    _each(ctx, names, DeleteVm, {"agent_id": agent, "purge": purge}, wait=wait, json=json)


@app.command("recover")
def recover(
    ctx: typer.Context, names: Names, agent: OnAgent = None, wait: Wait = True, json: Json = False
) -> None:
    """Bring VMs back from the trash, stopped."""
    _each(ctx, names, RecoverVm, {"agent_id": agent}, wait=wait, json=json)


@app.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def execute(
    ctx: typer.Context,
    name: Name,
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND…", help="What to run, with its arguments.")
    ],
    agent: OnAgent = None,
    stdin: Annotated[bool, typer.Option("--stdin", "-i", help="Give it standard input.")] = False,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds it may take.")] = 60.0,
    json: Json = False,
) -> None:
    """Run a command in a VM and exit as it does. Options of `batwa` come before NAME."""
    given = sys.stdin.read() if stdin else None
    with hub(ctx) as client:
        try:
            result = client.exec_vm(name, command, stdin=given, timeout_s=timeout_s, agent_id=agent)
        except VmNotFound:
            raise
        except NotFound as err:
            raise Unavailable(
                "This hub cannot run commands in VMs; update it, or use `batwa shell`."
            ) from err
    if json:
        as_json(result)
    else:
        sys.stdout.write(result["stdout"])
        sys.stderr.write(result["stderr"])
    if result.get("truncated"):
        remark("It said more than is kept; the end is missing.")
    if (code := result["exit_code"]) is None:
        remark(f"It did not end in {timeout_s:g} s.")
    raise typer.Exit(GAVE_UP if code is None else code)


def _each(
    ctx: typer.Context,
    names: list[str],
    shape: type[AnyVmCommand],
    options: Mapping[str, object],
    *,
    wait: bool,
    json: bool,
) -> None:
    """Ask for all of it, then wait for one after the other: they run beside each other."""
    commands = [built(shape, {"name": name, **options}) for name in names]
    with hub(ctx) as client:
        operations = [client.submit(command) for command in commands]
        if wait:
            operations = [finish(client, operation) for operation in operations]
    _tell(operations, json=json)


def _tell(operations: list[Operation], *, json: bool) -> None:
    if json:
        as_json(operations[0] if len(operations) == 1 else operations)
        return
    for each in operations:
        if each.has_ended:
            say(f"{each.vm_name} {_DONE[each.kind]}.")
        else:
            say(f"{each.kind} {each.vm_name} is operation {each.id}.")


def _row(vm: VmAnswer) -> tuple[object, ...]:
    created = vm["created_at"]
    return (
        vm["name"],
        vm.get("state", vm["status"]),
        vm.get("ipv4", ()),
        vm.get("release"),
        vm["cpu_cores"],
        f"{vm['memory']} MB" if vm["memory"] else None,
        f"{vm['disk_size']} GB" if vm["disk_size"] else None,
        vm.get("agent_hostname"),
        age(datetime.fromisoformat(created)) if created else None,
    )


def _details(vm: VmDetails) -> None:
    details(
        (
            ("Name", vm.name),
            ("Id", vm.id),
            ("State", vm.state),
            ("Agent", vm.agent_hostname),
            ("IPv4", vm.ipv4),
            ("Release", vm.release),
            ("Image", vm.image_release),
            ("CPUs", vm.cpus),
            ("Load", vm.load),
            ("Memory", _of(vm.memory_used_bytes, vm.memory_bytes)),
            ("Disk", _of(vm.disk_used_bytes, vm.disk_bytes)),
            ("Created", vm.created_at),
        )
    )


def _of(used_bytes: int | None, whole_bytes: int | None) -> str:
    if whole_bytes is None:
        return ""
    return size_text(whole_bytes) + (f", {used_bytes / whole_bytes:.0%} used" if used_bytes else "")
