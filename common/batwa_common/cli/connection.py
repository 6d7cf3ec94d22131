"""Which hub a command means, and as whom: options, then the environment, then what `login` stored."""

import os
import ssl
from typing import Any, NamedTuple

import typer

from batwa_common.client import RESTClient, SyncRESTClient
from batwa_common.errors import InvalidRequest, NotAuthenticated
from batwa_common.tls import client_context

from . import credentials
from .app import Chosen


class Target(NamedTuple):
    """A hub, and how to be somebody there."""

    url: str
    token: str | None
    session_id: str | None
    ca: str | None
    """The CAs to believe, PEM; None for the system's."""

    def arguments(self) -> dict[str, Any]:
        """Return the client's arguments. Few retries: somebody is waiting for the answer."""
        return {
            "base_url": self.url,
            "token": self.token,
            "session_id": self.session_id,
            "retries": 2,
            "tls": tls_of(self.ca),
        }


def with_scheme(url: str) -> str:
    """Return *url* as an address: `hub:8000` is `http://hub:8000`."""
    return (url if "://" in url else f"http://{url}").rstrip("/")


def chosen(ctx: typer.Context) -> Chosen:
    """Return what was said before the command."""
    said = ctx.find_root().obj
    return said if isinstance(said, Chosen) else Chosen(None, None)


def ca_of(ctx: typer.Context, stored: str | None) -> str | None:
    """Return the CAs that the command line or environment names, else *stored*. Raises `InvalidRequest`."""
    if (file := chosen(ctx).ca) is None:
        return stored
    try:
        return file.read_text(encoding="ascii")
    except (OSError, ValueError) as err:
        raise InvalidRequest(f"--ca: {file} cannot be read: {err}") from err


def tls_of(ca: str | None) -> ssl.SSLContext | None:
    """Return what believes *ca* and nobody else; None for the system's CAs. Raises `InvalidRequest`."""
    try:
        return None if ca is None else client_context(ca)
    except ValueError as err:
        raise InvalidRequest(f"the CA to believe cannot be used: {err}") from err


def target(ctx: typer.Context) -> Target:
    """Return what the command line means. A stored secret only ever goes to the hub that gave it.

    Raises `NotAuthenticated` when nothing says which hub, or as whom.
    """
    stored = credentials.load(credentials.path())
    given = chosen(ctx).url
    url = with_scheme(given) if given else stored.current
    if url is None:
        raise NotAuthenticated("Which hub? Log in with `batwa login URL`, or set BATWA_URL and BATWA_TOKEN.")
    login = stored.hubs.get(url)
    ca = ca_of(ctx, login.ca if login is not None else None)
    if token := os.environ.get("BATWA_TOKEN"):
        return Target(url, token, None, ca)
    if login is None:
        raise NotAuthenticated(f"Not logged in at {url}; use `batwa login {url}`, or set BATWA_TOKEN.")
    return Target(url, login.token, login.session_id, ca)


def hub(ctx: typer.Context) -> SyncRESTClient:
    """Return a client for the hub that the command line means."""
    return SyncRESTClient(**target(ctx).arguments())


def async_hub(ctx: typer.Context) -> RESTClient:
    """Return the same for code that has an event loop."""
    return RESTClient(**target(ctx).arguments())
