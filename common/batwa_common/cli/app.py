"""The commands by name. What a command needs is imported when it is used."""

import importlib
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

COMMANDS = {
    "login": ("session:login", "Log in to a hub, for this and later commands."),
    "logout": ("session:logout", "Log out and forget the hub."),
    "vm": ("vm:app", "Virtual machines."),
    "shell": ("shell:app", "Open a shell in a VM."),
    "agent": ("agent:app", "The machines of the fleet, and their keys."),
    "peer": ("peer:app", "Other hubs: discover, pair, message."),
    "op": ("op:app", "Operations: what is and was done."),
    "top": ("top:app", "Watch the whole fleet on one screen."),
    "events": ("events:app", "Watch what changes."),
    "token": ("token:app", "API tokens for scripts."),
    "audit": ("audit:app", "Who did what: the audit log."),
    "user": ("user:app", "Who may log in."),
}
"""Name of the command: its module and Typer application, and its help."""


class Chosen(NamedTuple):
    """What was said before the command."""

    url: str | None
    ca: Path | None


class _Later(TyperCommand):
    """Stands for a command until it is used: its name and help cost no import."""

    def __init__(self, name: str, where: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self._where = where

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command and let it go on from here."""
        module, _, name = self._where.partition(":")
        app = getattr(importlib.import_module(f"{__package__}.{module}"), name)
        return get_command(app).make_context(info_name, args, parent=parent, **extra)


class _Commands(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: _Later(name, where, summary) for name, (where, summary) in COMMANDS.items()}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"batwa {importlib.import_module('importlib.metadata').version('batwa-common')}")
        raise typer.Exit


def command() -> TyperGroup:
    """Return the whole command line."""
    app = typer.Typer(
        cls=_Commands, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
    )

    @app.callback()
    def batwa(
        ctx: typer.Context,
        url: Annotated[
            str | None, typer.Option(envvar="BATWA_URL", help="The hub; left out, the one of `batwa login`.")
        ] = None,
        ca: Annotated[
            Path | None,
            typer.Option(
                envvar="BATWA_CA",
                help="CAs of the hub's certificate (PEM), believed instead of the system's.",
            ),
        ] = None,
        version: Annotated[
            bool,
            typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit."),
        ] = False,
    ) -> None:
        """Virtual machines on many machines, from the command line.

        Log in once with `batwa login`, or set BATWA_URL and BATWA_TOKEN.

        Exit codes: 0 done, 1 the hub says why not, 2 wrong usage, 3 not logged in or not allowed,
        4 not found, 5 hub unreachable.
        """
        del version
        ctx.obj = Chosen(url, ca)

    group = get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError("the command line is a group")
    return group
