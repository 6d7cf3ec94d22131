"""`batwa peer`: other hubs."""

import json as json_module
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from batwa_common.wire.user import Role

from .connection import hub
from .show import Json, age, as_json, details, remark, say, table, tell

app = typer.Typer(no_args_is_help=True, add_completion=False)

PeerId = Annotated[str, typer.Argument(metavar="ID", help="Id of the peer.")]
RoleHere = Annotated[Role, typer.Option("--role", help="What it may do here.")]


@app.command("ls")
def list_peers(ctx: typer.Context, json: Json = False) -> None:
    """List the hubs that are trusted, and this hub's agents."""
    with hub(ctx) as client:
        peers = client.list_peers()
    if json:
        as_json(peers)
    else:
        rows = [(p["id"], p["name"], p["address"], p["port"], p["status"], _seen(p)) for p in peers]
        table(("ID", "NAME", "ADDRESS", "PORT", "STATUS", "SEEN"), rows)


@app.command("info")
def info(ctx: typer.Context, json: Json = False) -> None:
    """Show this hub as a peer, with the fingerprint that others compare."""
    with hub(ctx) as client:
        here = client.get_peer_info()
    if json:
        as_json(here)
    else:
        details([(key.capitalize(), value) for key, value in here.items()])


@app.command("start")
def start(ctx: typer.Context, json: Json = False) -> None:
    """Announce this hub on its network and look for others."""
    with hub(ctx) as client:
        state = client.start_p2p()
    tell(state, f"Peer-to-peer services {state['status']}.", json=json)


@app.command("stop")
def stop(ctx: typer.Context, json: Json = False) -> None:
    """Stop announcing and looking."""
    with hub(ctx) as client:
        state = client.stop_p2p()
    tell(state, f"Peer-to-peer services {state['status']}.", json=json)


@app.command("candidates")
def candidates(ctx: typer.Context, json: Json = False) -> None:
    """List the hubs that were found; they can do nothing until you pair with or trust them."""
    with hub(ctx) as client:
        found = client.list_candidates()
    if json:
        as_json(found)
    else:
        rows = [(c.id, c.name, c.url, c.source, c.trusted, c.fingerprint) for c in found.candidates]
        table(("ID", "NAME", "URL", "FOUND BY", "TRUSTED", "FINGERPRINT"), rows)


@app.command("code")
def code(ctx: typer.Context, role: RoleHere = "operator", json: Json = False) -> None:
    """Make a pairing code, to be typed at the other hub with `batwa peer pair`."""
    with hub(ctx) as client:
        made = client.create_pairing_code(role=role)
    if json:
        as_json(made)
    else:
        say(made.code)
        remark(f"Good once, until {made.expires_at.astimezone():%H:%M:%S}.")


@app.command("pair")
def pair(
    ctx: typer.Context,
    where: Annotated[
        str, typer.Argument(metavar="ADDRESS|ID", help="Where the other hub is, or a candidate.")
    ],
    code: Annotated[str, typer.Argument(help="The code that the other hub made.")],
    role: RoleHere = "operator",
    json: Json = False,
) -> None:
    """Trust another hub, and be trusted, by its code."""
    with hub(ctx) as client:
        if where.startswith("peer-"):
            peer = client.pair(code, peer_id=where, role=role)
        else:
            peer = client.pair(code, address=where, role=role)
    tell(peer, f"{peer.name} ({peer.id}) is trusted as {peer.role}.", json=json)


@app.command("trust")
def trust(
    ctx: typer.Context,
    peer_id: PeerId,
    fingerprint: Annotated[str, typer.Argument(help="Its fingerprint, as that hub itself shows it.")],
    role: RoleHere = "viewer",
    json: Json = False,
) -> None:
    """Trust a candidate whose fingerprint you have compared."""
    with hub(ctx) as client:
        peer = client.trust_peer(peer_id, fingerprint, role=role)
    tell(peer, f"{peer.name} ({peer.id}) is trusted as {peer.role}.", json=json)


@app.command("role")
def change_role(ctx: typer.Context, peer_id: PeerId, role: Role, json: Json = False) -> None:
    """Change what a trusted hub may do here."""
    with hub(ctx) as client:
        peer = client.set_peer_role(peer_id, role)
    tell(peer, f"{peer.name} is {peer.role} now.", json=json)


@app.command("rm")
def remove(ctx: typer.Context, peer_id: PeerId, json: Json = False) -> None:
    """Trust a hub no more."""
    with hub(ctx) as client:
        done = client.remove_peer(peer_id)
    tell(done, done.message, json=json)


@app.command("message")
def message(
    ctx: typer.Context,
    peer_id: PeerId,
    message_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="HELLO, PING, NODE_INFO, VM_LIST or any other.")
    ],
    data: Annotated[str, typer.Argument(help="A JSON object.")] = "{}",
    json: Json = False,
) -> None:
    """Send a message to a peer and print its response."""
    try:
        body = json_module.loads(data)
    except ValueError as err:
        raise typer.BadParameter(f"DATA is not JSON: {err}") from None
    if not isinstance(body, dict):
        raise typer.BadParameter('DATA is no JSON object, such as {"text": "hello"}')
    with hub(ctx) as client:
        response = client.send_message(peer_id, message_type, body)
    if json:
        as_json(response)
    else:
        details(response.items())


@app.command("inbox")
def inbox(ctx: typer.Context, json: Json = False) -> None:
    """List the newest messages of other hubs."""
    with hub(ctx) as client:
        found = client.get_inbox()
    if json:
        as_json(found)
    else:
        rows = [(m.received_at, m.peer_name, m.message_type, m.data) for m in found.messages]
        table(("RECEIVED", "FROM", "TYPE", "DATA"), rows)


@app.command("add")
def add_address(ctx: typer.Context, address: str, json: Json = False) -> None:
    """Look for a hub at ADDRESS too, where multicast does not reach; it then is a candidate."""
    with hub(ctx) as client:
        found = client.add_static_peer(address)
    tell(found, f"Looking at {address}.", json=json)


@app.command("forget")
def forget_address(ctx: typer.Context, address: str, json: Json = False) -> None:
    """Look at ADDRESS no more."""
    with hub(ctx) as client:
        done = client.remove_static_peer(address)
    tell(done, done.message, json=json)


def _seen(peer: Mapping[str, Any]) -> str:
    last_seen = peer.get("last_seen")
    return age(datetime.fromisoformat(last_seen)) if last_seen else ""
