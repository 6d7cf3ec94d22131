"""`batwa user`: who may log in."""

import getpass
import sys
from typing import Annotated

import typer

from batwa_common.wire.user import Role

from .command import pairs
from .connection import hub
from .show import Json, as_json, table, tell

app = typer.Typer(no_args_is_help=True, add_completion=False)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What they log in as.")]
Terminals = Annotated[
    bool | None, typer.Option("--terminals/--no-terminals", help="Open terminals or not, whatever the role.")
]
Agents = Annotated[
    list[str] | None,
    typer.Option("--agent", "-a", metavar="ID", help="They see only this agent; may be repeated."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="KEY=VALUE", help="They see only agents with this tag; may be repeated."),
]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command("ls")
def list_users(ctx: typer.Context, json: Json = False) -> None:
    """List users."""
    with hub(ctx) as client:
        users = client.list_users()
    if json:
        as_json(users)
    else:
        rows = [
            (
                each.name,
                "disabled" if each.disabled else each.role,
                each.terminals,
                each.agents or each.tags,
                each.last_login_at,
            )
            for each in users
        ]
        table(("NAME", "ROLE", "TERMINALS", "ONLY", "LAST LOGIN"), rows)


@app.command("add")
def add(
    ctx: typer.Context,
    name: Name,
    role: Annotated[Role, typer.Option(help="What they may do.")] = "viewer",
    terminals: Terminals = None,
    agent: Agents = None,
    tag: Tags = None,
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Let somebody in; asks for their first password."""
    password = _new_password(password_stdin)
    with hub(ctx) as client:
        user = client.create_user(
            name, password, role, terminals=terminals, agents=agent or None, tags=pairs(tag) or None
        )
    tell(user, f"{user.name} may log in as {user.role}.", json=json)


@app.command("rm")
def remove(ctx: typer.Context, name: Name, json: Json = False) -> None:
    """Remove somebody, with their sessions and tokens."""
    with hub(ctx) as client:
        done = client.delete_user(name)
    tell(done, done.message, json=json)


@app.command("role")
def change_role(
    ctx: typer.Context, name: Name, role: Role, terminals: Terminals = None, json: Json = False
) -> None:
    """Change what somebody may do."""
    with hub(ctx) as client:
        user = client.change_user(name, role=role, terminals=terminals)
    tell(user, f"{user.name} is {user.role} now{'' if user.terminals else ', without terminals'}.", json=json)


@app.command("limit")
def limit(ctx: typer.Context, name: Name, agent: Agents = None, tag: Tags = None, json: Json = False) -> None:
    """Let somebody see only some agents; without --agent and --tag, all again."""
    with hub(ctx) as client:
        user = client.change_user(name, agents=agent or (), tags=pairs(tag))
    sees = "only some agents" if user.agents or user.tags else "all agents"
    tell(user, f"{user.name} sees {sees} now.", json=json)


@app.command("disable")
def disable(ctx: typer.Context, name: Name, json: Json = False) -> None:
    """Keep somebody out, with their tokens; their sessions end at once."""
    with hub(ctx) as client:
        user = client.change_user(name, disabled=True)
    tell(user, f"{user.name} is kept out.", json=json)


@app.command("enable")
def enable(ctx: typer.Context, name: Name, json: Json = False) -> None:
    """Let somebody in again."""
    with hub(ctx) as client:
        user = client.change_user(name, disabled=False)
    tell(user, f"{user.name} may log in as {user.role}.", json=json)


@app.command("sessions")
def list_sessions(ctx: typer.Context, name: Name, json: Json = False) -> None:
    """List somebody's logins."""
    with hub(ctx) as client:
        sessions = client.list_sessions(name)
    if json:
        as_json(sessions)
    else:
        rows = [(each.id, each.address, each.client, each.created_at, each.last_seen_at) for each in sessions]
        table(("ID", "FROM", "WITH", "SINCE", "LAST USED"), rows)


@app.command("logout")
def end_sessions(ctx: typer.Context, name: Name, json: Json = False) -> None:
    """End somebody's logins, with their terminals; their tokens stay."""
    with hub(ctx) as client:
        done = client.end_sessions(name)
    tell(done, done.message, json=json)


@app.command("reset-code")
def reset_second_factor(ctx: typer.Context, name: Name, json: Json = False) -> None:
    """Remove the authenticator app of somebody who has lost it: their password alone does again."""
    with hub(ctx) as client:
        done = client.reset_second_factor(name)
    tell(done, done.message, json=json)


@app.command("password")
def change_password(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Whose; left out, your own.")] = None,
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Change a password. For your own the current one is asked first (with --password-stdin: two lines)."""
    current = _password("Current password: ", password_stdin) if name is None else ""
    new = _new_password(password_stdin)
    with hub(ctx) as client:
        if name is None:
            done = client.change_password(current, new)
            tell(done, done.message, json=json)
        else:
            user = client.change_user(name, password=new)
            tell(user, f"{user.name} has a new password; their sessions ended.", json=json)


def _new_password(from_stdin: bool) -> str:
    new = _password("New password: ", from_stdin)
    if not from_stdin and sys.stdin.isatty() and getpass.getpass("Again: ") != new:
        raise typer.BadParameter("the two are not the same")
    return new


def _password(prompt: str, from_stdin: bool) -> str:
    if from_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass(prompt)
