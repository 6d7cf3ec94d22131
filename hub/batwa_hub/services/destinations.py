"""Where others may send the hub: not to itself, nor to what only the machine it runs on can reach."""

import ipaddress
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from batwa_common.addresses import Network, is_special, parse_address
from batwa_common.errors import InvalidRequest
from batwa_common.wire.link import linked_id


class Destinations:
    """Decides about addresses; names are looked at when they are resolved, at every new connection.

    Args:
        allowed: Networks in which every address is fine.
        own: Addresses of this machine.
        port: Where the hub listens; 0 if it is not known beforehand.
        of: Who has addresses, for messages.
        setting: Where *allowed* comes from, for messages.
    """

    def __init__(
        self,
        *,
        allowed: Sequence[Network],
        own: Collection[str],
        port: int,
        of: str = "agent",
        setting: str = "agent.allowed_networks",
    ) -> None:
        self._of = of
        self._setting = setting
        self._allowed = tuple(allowed)
        self._own = frozenset(map(ipaddress.ip_address, own))
        self._port = port

    def check(self, url: str, *, agent_id: str, told_from: str) -> None:
        """Return if an agent that calls from the address *told_from* may say that it is at *url*.

        Raises `InvalidRequest`.
        """
        if (linked := linked_id(url)) is not None:
            if linked != agent_id:
                raise InvalidRequest(f"api_url: {url} is the link of another agent")
        elif why := self.why_not(url, from_here=self.is_here(told_from)):
            raise InvalidRequest(f"api_url: {why}")

    def is_here(self, address: str) -> bool:
        """Whether who calls from *address* is on this machine."""
        caller = parse_address(address)
        return caller is None or caller.is_loopback or caller in self._own

    def why_not(self, url: str, *, from_here: bool) -> str | None:
        """Return why the hub does not call *url*, or None if it does; see `refusal`."""
        parts = urlsplit(url)
        try:
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as err:
            return str(err)
        address = parse_address("127.0.0.1" if is_this_machine(host) else host)
        if address is None:
            return None
        return self.refusal(str(address), port, from_here=from_here)

    def refusal(self, address: str, port: int, *, from_here: bool) -> str | None:
        """Return why the hub does not connect to *address*, or None if it does.

        *from_here*: whether it is said by somebody on this machine, for whom loopback is no secret.
        """
        parsed = parse_address(address)
        if parsed is None or any(parsed in network for network in self._allowed):
            return None
        if port == self._port and (parsed.is_loopback or parsed in self._own):
            return f"{address} port {port} is the hub itself; give the {self._of}'s own address"
        if parsed.is_loopback and not from_here:
            return f"{address} is this hub's own machine; give an address that can be reached from it"
        if is_special(parsed):
            return f"{address} is no {self._of}'s address; if it is, add its network to {self._setting}"
        return None


def is_this_machine(host: str) -> bool:
    """Whether *host* names the machine itself (RFC 6761, 6.3)."""
    return host == "localhost" or host.endswith(".localhost")
