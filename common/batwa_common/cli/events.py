"""`batwa events`: what changes, as it changes."""

from itertools import islice
from typing import Annotated

import typer

from batwa_common.client.events import Reload
from batwa_common.wire.event import Event

from .connection import hub
from .show import Json, cell, line, say

app = typer.Typer(add_completion=False)


@app.command()
def events(
    ctx: typer.Context,
    after: Annotated[int | None, typer.Option(help="Begin after the event with this id.")] = None,
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="End after this many.")] = None,
    json: Json = False,
) -> None:
    """Watch what changes until Ctrl-C; with --json one object a line. A hub that restarts is waited for."""
    with hub(ctx) as client:
        for event in islice(client.watch_events(last_event_id=after, patience_s=60), count):
            if json:
                line(event)
            else:
                say(_text(event))


def _text(event: Event | Reload) -> str:
    if isinstance(event, Reload):
        return "Some events were missed."
    told = event.data or {}
    news = " ".join(cell(told[key]) for key in ("state", "status", "phase", "message_type") if told.get(key))
    words = (f"{event.at.astimezone():%H:%M:%S}", f"{event.kind:<9}", event.action, event.subject, news)
    return "  ".join(words).rstrip()
