"""What this machine goes by, for certificates and join tokens."""

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

import ifaddr

from batwa_common.web.serve import WILDCARDS


def addresses() -> list[str]:
    """Return this machine's addresses, IPv4 first, without loopback and link-local ones. Blocks."""
    found = [ipaddress.ip_address(str(_ip(ip.ip))) for card in ifaddr.get_adapters() for ip in card.ips]
    outward = {each for each in found if not (each.is_loopback or each.is_link_local)}
    return [str(each) for each in sorted(outward, key=lambda each: (each.version, int(each)))]


def server_names(host: str, public_urls: Iterable[str], extra: Iterable[str]) -> frozenset[str]:
    """Return every name and address a server that listens at *host* may be called by. Blocks."""
    names = {"localhost", "127.0.0.1", "::1", *extra}
    names |= {found for url in public_urls if (found := urlsplit(url).hostname)}
    names |= {socket.gethostname(), *addresses()} if host in WILDCARDS else {host}
    return frozenset(names)


def urls(scheme: str, host: str, port: int) -> list[str]:
    """Return where other machines reach a server that listens at *host*; loopback if only there. Blocks."""
    reached = [socket.gethostname(), *addresses()] if host in WILDCARDS else [host]
    return [f"{scheme}://[{each}]:{port}" if ":" in each else f"{scheme}://{each}:{port}" for each in reached]


def _ip(address: object) -> object:
    return address[0] if isinstance(address, tuple) else address  # IPv6: (address, flow, scope)
