"""`batwa agent add` and `batwa agent token`: the line that makes a machine an agent."""

from typing import Annotated

import typer

from .command import pairs
from .connection import hub
from .show import Json, as_json, remark, say, table, tell

tokens = typer.Typer(no_args_is_help=True, help="The tokens machines join with.")

HOUR_S = 3600.0


def add(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="What people are to call the machine; left out, its host name.")
    ] = None,
    agent_id: Annotated[
        str | None,
        typer.Option("--agent", "-a", metavar="ID", help="Its id; an agent that has it is replaced."),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="What the hub says of it; may be repeated.")
    ] = None,
    expires_hours: Annotated[float, typer.Option(min=0.001, help="Hours until the token ends.")] = 1.0,
    uses: Annotated[int, typer.Option(min=1, help="Machines that may join with it.")] = 1,
    json: Json = False,
) -> None:
    """Make a token and print the line to paste on the machine that is to join, this once."""
    with hub(ctx) as client:
        made = client.create_join_token(
            name,
            agent_id=agent_id,
            tags=pairs(tag) or None,
            expires_in_s=max(1, round(expires_hours * HOUR_S)),
            uses=uses,
        )
    if json:
        as_json(made)
        return
    say(made.command)
    remark(
        f"Paste that on the machine, as root, before {made.expires_at:%H:%M} UTC on {made.expires_at:%d %B}."
    )
    if made.advice:
        remark(made.advice)


@tokens.command("ls")
def list_tokens(ctx: typer.Context, json: Json = False) -> None:
    """List join tokens that have not expired, without their secrets."""
    with hub(ctx) as client:
        found = client.list_join_tokens()
    if json:
        as_json(found)
    else:
        rows = [
            (
                each.id,
                each.name,
                each.agent_id,
                each.tags,
                f"{each.uses_left}/{each.uses}",
                each.created_by,
                each.expires_at,
            )
            for each in found
        ]
        table(("ID", "NAME", "AGENT", "TAGS", "LEFT", "BY", "EXPIRES"), rows)


@tokens.command("rm")
def remove_token(
    ctx: typer.Context, token_id: Annotated[str, typer.Argument(metavar="ID")], json: Json = False
) -> None:
    """Revoke a join token; who has joined with it stays."""
    with hub(ctx) as client:
        done = client.delete_join_token(token_id)
    tell(done, done.message, json=json)
