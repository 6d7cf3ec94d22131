"""Joining a hub with a token, and changing the key that came of it: what is asked, and what is kept here."""

import asyncio
import secrets
import ssl
from dataclasses import dataclass
from pathlib import Path

from batwa_common.client.http import Http, Identity
from batwa_common.client.retries import Backoff
from batwa_common.errors import BatwaError, HubMisbehaved, HubNotTrusted, HubUnreachable
from batwa_common.settings import SettingsError
from batwa_common.tls import blocks, client_context, fetch_bundle, fingerprint, pinned
from batwa_common.wire.documented import Done
from batwa_common.wire.join import Join, Joined, JoinTicket, ReplaceKey

from . import config_file, disk
from .settings import Settings

ANSWER_S = 10.0
"""How long the hub may take to answer at each of its addresses."""
_ELSEWHERE = (HubUnreachable, HubNotTrusted, HubMisbehaved)
"""What another address of the hub may do better."""


class JoinFailed(Exception):
    """This machine has not joined; the message says why and what to do."""


@dataclass(frozen=True)
class Joining:
    """A machine that is about to join.

    Args:
        settings: What is set so far; a machine that joins its hub again keeps its id.
        file: Where the outcome is written.
        agent_id: The id it wants; None for the one it had, else the hub's choice.
    """

    settings: Settings
    file: Path
    agent_id: str | None = None

    async def join(self, ticket: JoinTicket) -> Joined:
        """Spend *ticket* and write the settings. Raises `JoinFailed`, `SettingsError`."""
        key = new_key()
        asked = Join(
            secret=ticket.secret,
            api_key=key,
            hostname=self.settings.hostname,
            agent_id=self.agent_id,
            former_key=await asyncio.to_thread(self._former_key, ticket),
        )
        # nothing is spent before it is certain that the outcome can be kept
        await asyncio.to_thread(config_file.change, self.file, {})
        url, bundle, joined = await _first_answer(ticket, asked)
        await asyncio.to_thread(self._keep, url, joined, key, joined.ca or bundle)
        return joined

    def _former_key(self, ticket: JoinTicket) -> str | None:
        """Return the key of this machine if it is one of that very hub: no other hub is told."""
        key, ca = self.settings.api_key, self.settings.ca
        if key is None:
            return None
        if self.settings.hub_url is not None and self.settings.hub_url.rstrip("/") in ticket.hubs:
            return key.get_secret_value()
        if ca is None or not ca.is_file():
            return None
        known = [fingerprint(each) for each in blocks(ca.read_text())]
        return key.get_secret_value() if ticket.fp in known else None

    def _keep(self, url: str, joined: Joined, key: str, bundle: str | None) -> None:
        directory = self.settings.data_dir
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ca = directory.absolute() / "ca.pem"
        if bundle is not None:
            disk.write_durably(ca, bundle.encode())
        outcome = {
            **self.settings.from_environment(),  # which the service will not have
            "hub_url": url,
            "agent_id": joined.agent_id,
            "link": True,
            "ca": str(ca) if bundle is not None else None,
            "api_key": key,
            "api_url": None,
        }
        config_file.change(self.file, outcome)


def new_key() -> str:
    """Return a key as the hub keeps them: 256 random bits."""
    return "bak_" + secrets.token_urlsafe(32)


async def replace_key(settings: Settings, file: Path) -> None:
    """Make a new key, tell the hub, and write it to *file*; the old one ends when the agent is restarted.

    Raises `SettingsError`, and what the hub answers.
    """
    if settings.hub_url is None or settings.api_key is None:
        raise SettingsError("hub_url and api_key are not set: this machine has not joined a hub")
    ca = await asyncio.to_thread(settings.ca.read_text) if settings.ca is not None else None
    key, hub = new_key(), _http(settings.hub_url, await _context(ca))
    try:
        headers = {"X-API-Key": settings.api_key.get_secret_value()}
        body = ReplaceKey(api_key=key).model_dump()
        await hub.ask(Done, "POST", "/api/agent/key", body=body, headers=headers)
    finally:
        await hub.close()
    await asyncio.to_thread(config_file.change, file, {"api_key": key})


async def _first_answer(ticket: JoinTicket, asked: Join) -> tuple[str, str | None, Joined]:
    """Return the address that answered, the CA that was pinned there, and the answer."""
    failures: list[str] = []
    for url in ticket.hubs:
        try:
            bundle = await asyncio.to_thread(_pin, url, ticket.fp)
            hub = _http(url, await _context(bundle))
            try:
                body = asked.model_dump(exclude_none=True)
                return url, bundle, await hub.ask(Joined, "POST", "/api/agent/join", body=body)
            finally:
                await hub.close()
        except _ELSEWHERE as err:
            failures.append(str(err))
        except (OSError, ValueError) as err:
            failures.append(f"{url}: {err}")
        except BatwaError as err:
            raise JoinFailed(str(err)) from err
    raise JoinFailed(
        "The hub was not reached; nothing is spent, so mend it and join again.\n  " + "\n  ".join(failures)
    )


def _pin(url: str, wanted: str | None) -> str | None:
    """Return the CA of fingerprint *wanted* that *url* tells, PEM; None where none is to be pinned.

    Blocks. Raises `HubNotTrusted` if it tells another.
    """
    if wanted is None or not url.startswith("https:"):
        return None
    if (found := pinned(fetch_bundle(url, timeout_s=ANSWER_S), wanted)) is None:
        raise HubNotTrusted(f"{url} has another CA than the token says: something else answers there")
    return found


async def _context(bundle: str | None) -> ssl.SSLContext | None:
    return None if bundle is None else await asyncio.to_thread(client_context, bundle)


def _http(url: str, tls: ssl.SSLContext | None) -> Http:
    return Http(url, Identity(), timeout_s=ANSWER_S, backoff=Backoff(tries=0), tls=tls)
