"""`batwa op`: operations."""

from typing import Annotated

import typer

from batwa_common.wire.operation import Operation

from .connection import hub
from .progress import finish
from .show import Json, age, as_json, details, say, table, tell

app = typer.Typer(no_args_is_help=True, add_completion=False)

OperationId = Annotated[str, typer.Argument(metavar="ID", help="Id of the operation.")]


@app.command("ls")
def list_operations(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 20,
    json: Json = False,
) -> None:
    """List operations, the newest first."""
    with hub(ctx) as client:
        operations = client.list_operations(limit=limit)
    if json:
        as_json(operations)
    else:
        columns = ("ID", "WHAT", "VM", "AGENT", "STATE", "PHASE", "BY", "AGE")
        table(columns, map(_row, operations))


@app.command("show")
def show(ctx: typer.Context, operation_id: OperationId, json: Json = False) -> None:
    """Show one operation, with its log."""
    with hub(ctx) as client:
        operation = client.get_operation(operation_id)
    if json:
        as_json(operation)
    else:
        _details(operation)


@app.command("cancel")
def cancel(ctx: typer.Context, operation_id: OperationId, json: Json = False) -> None:
    """Cancel an operation; it ends when it has cleaned up."""
    with hub(ctx) as client:
        operation = client.cancel_operation(operation_id)
    tell(operation, f"{operation.id} is to stop.", json=json)


@app.command("wait")
def wait(ctx: typer.Context, operation_id: OperationId, json: Json = False) -> None:
    """Wait for the end of an operation; fails as it fails."""
    with hub(ctx) as client:
        operation = finish(client, client.get_operation(operation_id))
    tell(operation, f"{operation.kind} {operation.vm_name}: {operation.state}.", json=json)


def _row(operation: Operation) -> tuple[object, ...]:
    percent = f" {operation.percent:.0f} %" if operation.percent is not None else ""
    phase = "" if operation.has_ended else f"{operation.phase or ''}{percent}"
    return (
        operation.id,
        operation.kind,
        operation.vm_name,
        operation.agent_hostname,
        operation.state,
        phase,
        operation.requested_by,
        age(operation.created_at),
    )


def _details(operation: Operation) -> None:
    details(
        (
            ("Id", operation.id),
            ("What", f"{operation.kind} {operation.vm_name}"),
            ("Agent", operation.agent_hostname),
            ("State", operation.state),
            ("Phase", operation.phase),
            ("Error", operation.error.detail if operation.error else None),
            ("Asked by", operation.requested_by),
            ("Asked at", operation.created_at),
            ("Began", operation.started_at),
            ("Ended", operation.ended_at),
        )
    )
    for entry in operation.log:
        say(f"{entry.at.astimezone():%H:%M:%S}  {entry.text}")
