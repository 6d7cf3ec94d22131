"""An operation, shown as it goes: a bar where somebody looks, nothing where nobody does."""

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from batwa_common.client import SyncRESTClient
from batwa_common.vms import raise_failure
from batwa_common.wire.operation import Operation

from .show import remark


def finish(client: SyncRESTClient, operation: Operation) -> Operation:
    """Follow *operation* to its end and return it; raise what made it fail.

    Ctrl-C only ends the looking: says so and how to go on.
    """
    last = operation
    try:
        with _bar() as bar:
            task = bar.add_task(_title(operation), total=None)
            for last in client.follow_operation(operation):
                bar.update(task, description=_title(last), total=_total(last), completed=last.percent or 0)
    except KeyboardInterrupt:
        remark(f"Operation {last.id} goes on: `batwa op wait {last.id}`, `batwa op cancel {last.id}`.")
        raise
    raise_failure(last)
    return last


def _bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _title(operation: Operation) -> str:
    return f"{operation.kind} {operation.vm_name}: {operation.phase or operation.state}"


def _total(operation: Operation) -> float | None:
    return None if operation.percent is None else 100.0
