"""Which hub a command means, and as whom: options, then the environment, then what `login` stored."""

import os
from typing import Any, NamedTuple

import typer

from batwa_common.client import RESTClient, SyncRESTClient
from batwa_common.errors import NotAuthenticated

from . import credentials


class Target(NamedTuple):
    """A hub, and how to be somebody there."""

    url: str
    token: str | None
    session_id: str | None

    def arguments(self) -> dict[str, Any]:
        """Return the client's arguments. Few retries: somebody is waiting for the answer."""
        return {"base_url": self.url, "token": self.token, "session_id": self.session_id, "retries": 2}


def with_scheme(url: str) -> str:
    """Return *url* as an address: `hub:8000` is `http://hub:8000`."""
    return (url if "://" in url else f"http://{url}").rstrip("/")


def target(ctx: typer.Context) -> Target:
    """Return what the command line means. A stored secret only ever goes to the hub that gave it.

    Raises `NotAuthenticated` when nothing says which hub, or as whom.
    """
    stored = credentials.load(credentials.path())
    given: str | None = ctx.find_root().obj
    url = with_scheme(given) if given else stored.current
    if url is None:
        raise NotAuthenticated("Which hub? Log in with `batwa login URL`, or set BATWA_URL and BATWA_TOKEN.")
    if token := os.environ.get("BATWA_TOKEN"):
        return Target(url, token, None)
    if (login := stored.hubs.get(url)) is None:
        raise NotAuthenticated(f"Not logged in at {url}; use `batwa login {url}`, or set BATWA_TOKEN.")
    return Target(url, login.token, login.session_id)


def hub(ctx: typer.Context) -> SyncRESTClient:
    """Return a client for the hub that the command line means."""
    return SyncRESTClient(**target(ctx).arguments())


def async_hub(ctx: typer.Context) -> RESTClient:
    """Return the same for code that has an event loop."""
    return RESTClient(**target(ctx).arguments())
