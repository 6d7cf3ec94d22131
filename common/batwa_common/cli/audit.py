"""`batwa audit`: who did what."""

from typing import Annotated

import typer

from batwa_common.wire.audit import AuditRecord

from .connection import hub
from .show import Json, as_json, table

app = typer.Typer(add_completion=False)


@app.command()
def audit(
    ctx: typer.Context,
    who: Annotated[str | None, typer.Option(help="Only what this user, token or agent did.")] = None,
    target: Annotated[
        str | None, typer.Option(help="Only what was done to this VM, terminal or user.")
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Only actions that contain this, such as /login.")
    ] = None,
    outcome: Annotated[str | None, typer.Option(help="Only what was done, refused or failed.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only from this time on, UTC.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 50,
    json: Json = False,
) -> None:
    """Show the audit log, the newest first."""
    asked = {"who": who, "target": target, "action": action, "outcome": outcome, "since": since}
    only = {name: value for name, value in asked.items() if value is not None}
    with hub(ctx) as client:
        page = client.list_audit(only, limit=limit)
    if json:
        as_json(page.records)
    else:
        columns = ("ID", "WHEN", "WHO", "FROM", "ACTION", "TARGET", "AGENT", "OUTCOME")
        table(columns, map(_row, page.records))


def _row(record: AuditRecord) -> tuple[object, ...]:
    outcome = f"{record.outcome} ({record.code})" if record.code else record.outcome
    where = (record.action, record.target, record.agent_id)
    return (record.id, record.at, record.who or "a stranger", record.address, *where, outcome)
