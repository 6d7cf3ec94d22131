"""What commands print: one table or one JSON document on standard output, remarks on standard error."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 1000
"""Columns where the output is no terminal: nothing is cut off."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else on standard output.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")]
OnAgent = Annotated[str | None, typer.Option("--agent", "-a", metavar="ID", help="The agent that has it.")]

_STEPS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def as_json(value: Any) -> None:
    """Print *value*, models and all, as one JSON document."""
    sys.stdout.write(to_json(value, indent=2).decode() + "\n")


def line(value: Any) -> None:
    """Print *value* as one line of JSON, at once."""
    sys.stdout.write(to_json(value).decode() + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Print a sentence to standard output."""
    sys.stdout.write(printable(text) + "\n")
    sys.stdout.flush()


def remark(text: str) -> None:
    """Print a sentence to standard error, where no program reads it as the answer."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def tell(value: Any, sentence: str, *, json: bool) -> None:
    """Print *value* as JSON, or *sentence*."""
    if json:
        as_json(value)
    else:
        say(sentence)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their columns."""
    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for column in shown.columns:
        column.no_wrap = not sys.stdout.isatty()
    for row in rows:
        shown.add_row(*(Text(cell(value)) for value in row))
    _console().print(shown)


def details(pairs: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one pair a line; what nobody knows is left out."""
    shown = Table(box=None, pad_edge=False, show_header=False)
    for name, value in pairs:
        if cell(value):
            shown.add_row(Text(name, style="bold"), Text(cell(value)))
    _console().print(shown)


def cell(value: object) -> str:
    """Return *value* as a person reads it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case float():
            return f"{value:.2f}"
        case dict():
            return ", ".join(f"{key}={cell(each)}" for key, each in value.items())
        case list() | tuple() | set() | frozenset():
            return ", ".join(cell(each) for each in value)
        case _:
            return printable(str(value))


def printable(text: str) -> str:
    """Return *text* without what could drive the terminal; names may come from other hubs."""
    return "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def age(since: datetime | float | None) -> str:
    """Return how long ago, in the largest unit that fits; a number is seconds."""
    if since is None:
        return ""
    seconds = since if isinstance(since, int | float) else (datetime.now(UTC) - since).total_seconds()
    for length, unit in _STEPS:
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return "0s"


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
