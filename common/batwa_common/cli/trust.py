"""A hub with a CA of its own: believed once a person has compared its fingerprint, and remembered."""

import contextlib
import sys

import typer

from batwa_common.client import SyncRESTClient
from batwa_common.errors import HubNotTrusted, InvalidRequest
from batwa_common.tls import blocks, fetch_bundle, fingerprint, pinned, read_fingerprint, shown

from .connection import tls_of
from .show import remark


def believed(url: str, ca: str | None, wanted: str | None) -> str | None:
    """Return the CAs to believe at *url*, PEM: *ca*, or the hub's own once it is confirmed.

    *wanted* is the fingerprint that somebody was told, and stands for a person's yes. Raises
    `HubNotTrusted`, and `InvalidRequest` for a fingerprint that is none.
    """
    if not url.startswith("https:"):
        return ca
    if wanted is None:
        try:
            with SyncRESTClient(url, retries=0, tls=tls_of(ca)) as client:
                client.check_auth()
        except HubNotTrusted as err:
            if ca is not None and sys.stdin.isatty():
                remark("Its certificate is not the one that was believed so far; somebody may be in between.")
            return _confirmed(url, err)
        else:
            return ca
    try:
        told = pinned(fetch_bundle(url), read_fingerprint(wanted))
    except ValueError as err:
        raise InvalidRequest(str(err)) from err
    if told is None:
        raise HubNotTrusted(f"{url} shows another CA than the one with that fingerprint; do not go on.")
    return told


def _confirmed(url: str, refusal: HubNotTrusted) -> str:
    with contextlib.suppress(ValueError):
        first = blocks(fetch_bundle(url))[0]
        digest = shown(fingerprint(first))
        if not sys.stdin.isatty():
            raise HubNotTrusted(
                f"{refusal}. It has a CA of its own, SHA-256 {digest}: if `batwa-hub ca show` "
                "prints the same on the hub's machine, log in with --fingerprint and that."
            ) from refusal
        remark(f"{url} has a CA of its own, SHA-256\n{digest}")
        remark("It is the right one if `batwa-hub ca show` prints the same on the hub's machine.")
        answer: str = typer.prompt("Type yes, or the fingerprint you were told", default="no", err=True)
        if answer.strip().lower() == "yes" or read_fingerprint(answer) == fingerprint(first):
            return first
    raise refusal
