"""Addresses at which nobody has anything to serve to others."""

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")))
"""Where clouds tell a machine its secrets, beside 169.254.169.254, which is link-local."""


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Of what a network translates to IPv4 (RFC 6052)."""


def parse_address(host: str) -> Address | None:
    """Return the address that *host* is, an IPv4 one hidden in IPv6 as what it is; None for a name."""
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed
    translated = ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF) if parsed in _NAT64 else None
    return parsed.ipv4_mapped or parsed.sixtofour or translated or parsed


def is_special(address: Address) -> bool:
    """Whether *address* is link-local, multicast, unspecified, reserved or a cloud's metadata."""
    reserved = address.is_reserved and not address.is_loopback  # Python counts ::1 among the reserved
    odd = address.is_link_local or address.is_multicast or address.is_unspecified or reserved
    return odd or address in METADATA
