"""`batwa token`: API tokens for scripts."""

from typing import Annotated

import typer

from batwa_common.wire.user import Role

from .command import pairs
from .connection import hub
from .show import Json, as_json, remark, say, table, tell

app = typer.Typer(no_args_is_help=True, add_completion=False)

DAY_S = 86400

Terminals = Annotated[
    bool | None, typer.Option("--terminals/--no-terminals", help="Open terminals or not, whatever the role.")
]


@app.command("ls")
def list_tokens(ctx: typer.Context, json: Json = False) -> None:
    """List your tokens; an admin sees everybody's."""
    with hub(ctx) as client:
        tokens = client.list_tokens()
    if json:
        as_json(tokens)
    else:
        rows = [
            (
                each.id,
                each.name,
                each.owner,
                each.role,
                each.terminals,
                each.agents or each.tags,
                each.expires_at,
                each.last_used_at,
            )
            for each in tokens
        ]
        table(("ID", "NAME", "OWNER", "ROLE", "TERMINALS", "ONLY", "EXPIRES", "LAST USED"), rows)


@app.command("new")
def new_token(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What people call it.")],
    role: Annotated[Role, typer.Option(help="What it may do, at most what you may.")] = "operator",
    expires_days: Annotated[
        float | None, typer.Option(min=0.0001, help="Days until it ends by itself; left out, never.")
    ] = None,
    agent: Annotated[
        list[str] | None,
        typer.Option("--agent", "-a", metavar="ID", help="Only this agent's; may be repeated."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Only agents with this tag; may be repeated."),
    ] = None,
    terminals: Terminals = None,
    json: Json = False,
) -> None:
    """Make a token and print it, this once."""
    with hub(ctx) as client:
        token = client.create_token(
            name,
            role=role,
            terminals=terminals,
            expires_in_s=None if expires_days is None else max(1, round(expires_days * DAY_S)),
            agents=agent or None,
            tags=pairs(tag) or None,
        )
    if json:
        as_json(token)
    else:
        say(token.token)
        remark("Set it as BATWA_TOKEN, or send it as Authorization: Bearer; it is not shown again.")


@app.command("rm")
def remove(
    ctx: typer.Context, token_id: Annotated[str, typer.Argument(metavar="ID")], json: Json = False
) -> None:
    """Revoke a token; its terminals end at once."""
    with hub(ctx) as client:
        done = client.delete_token(token_id)
    tell(done, done.message, json=json)
