"""`batwa login` and `batwa logout`."""

import getpass
import platform
import sys
from typing import Annotated

import typer

from batwa_common.client import SyncRESTClient
from batwa_common.errors import BatwaError, Forbidden, HubUnreachable, NotAuthenticated, SecondFactorRequired
from batwa_common.wire.user import RANK, Role

from . import credentials
from .connection import ca_of, chosen, tls_of, with_scheme
from .credentials import Login
from .show import Json, as_json, remark, say
from .trust import believed

login = typer.Typer(add_completion=False)
logout = typer.Typer(add_completion=False)

DEFAULT_URL = "http://localhost:8000"
NO_TOKENS = frozenset({400, 404, 405, 409})
"""What a hub answers that makes no token for this login."""


@login.command()
def log_in(
    ctx: typer.Context,
    url: Annotated[str | None, typer.Argument(help="The hub, for instance https://hub.example:8000.")] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Whom to log in as.")] = None,
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin",
            help="Read the password, and where one is wanted the code, from standard input.",
        ),
    ] = False,
    role: Annotated[Role, typer.Option(help="What this machine may do, at most what you may.")] = "admin",
    fingerprint: Annotated[
        str | None,
        typer.Option(
            help="SHA-256 of the hub's own CA, as `batwa-hub ca show` prints it; else you are asked."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Log in to a hub; this and later commands then mean that hub.

    Asks for what is not given. What is stored is an API token of this machine's own, not the
    password; `batwa token ls` shows it.
    """
    file = credentials.path()
    stored = credentials.load(file)
    wanted = url or chosen(ctx).url or _ask("Hub", stored.current or DEFAULT_URL)
    hub_url = with_scheme(wanted)
    known = stored.hubs.get(hub_url)
    ca = believed(hub_url, ca_of(ctx, known.ca if known is not None else None), fingerprint)
    username = user or _ask("User", "admin")
    password = _password(password_stdin)
    with SyncRESTClient(hub_url, retries=1, tls=tls_of(ca)) as client:
        _log_in(client, username, password, password_stdin)
        made = _identity(client, username, role).model_copy(update={"ca": ca})
        if made.token is not None:
            client.logout()  # the token does from here on
    credentials.save(file, stored.with_login(hub_url, made))
    if json:
        as_json({"url": hub_url, "username": username, "kind": "token" if made.token else "session"})
    else:
        say(f"Logged in at {hub_url} as {username}.")


@logout.command()
def log_out(ctx: typer.Context, json: Json = False) -> None:
    """Log out: the stored token or session ends at the hub and is forgotten here."""
    file = credentials.path()
    stored = credentials.load(file)
    given = chosen(ctx).url
    url = with_scheme(given) if given else stored.current
    if url is None or (known := stored.hubs.get(url)) is None:
        raise NotAuthenticated("There is no login to end; `batwa login` makes one.")
    ended = _end(url, known, ca_of(ctx, known.ca))
    credentials.save(file, stored.without(url))
    if json:
        as_json({"url": url, "ended": ended})
    else:
        say(f"Logged out at {url}.")


def _log_in(client: SyncRESTClient, username: str, password: str, from_stdin: bool) -> None:
    try:
        client.login(username, password)
    except SecondFactorRequired:
        client.login(username, password, _code(from_stdin))


def _code(from_stdin: bool) -> str:
    if from_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    answer: str = typer.prompt("Code of your authenticator app, or a recovery code", err=True)
    return answer


def _identity(client: SyncRESTClient, username: str, role: Role) -> Login:
    """Return a token with the strongest role up to *role* that the hub gives, else the session."""
    name = f"batwa on {platform.node() or 'a machine'}"
    for each in sorted(RANK, key=RANK.__getitem__, reverse=True):
        if RANK[each] > RANK[role]:
            continue
        try:
            token = client.create_token(name, role=each)
        except Forbidden:
            continue  # more than this user may do
        except BatwaError as err:
            if err.status not in NO_TOKENS:
                raise
            break
        return Login(username=username, token=token.token, token_id=token.id)
    remark("This hub gives no token for this login; its session is kept instead, until it expires.")
    return Login(username=username, session_id=client.session_id)


def _end(url: str, known: Login, ca: str | None) -> bool:
    """End *known* at its hub; return whether that worked. It is forgotten here in any case."""
    with SyncRESTClient(
        url, token=known.token, session_id=known.session_id, retries=1, tls=tls_of(ca)
    ) as client:
        try:
            if known.token_id is not None:
                client.delete_token(known.token_id)
            else:
                client.logout()
        except NotAuthenticated:
            return True  # it has ended already
        except HubUnreachable as err:
            remark(f"Forgotten here, but not ended at the hub: {err}")
            return False
    return True


def _ask(what: str, default: str) -> str:
    if not sys.stdin.isatty():
        return default
    answer: str = typer.prompt(what, default=default, err=True)
    return answer


def _password(from_stdin: bool) -> str:
    if from_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass("Password: ")
