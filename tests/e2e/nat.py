"""A machine behind a router that masquerades: it reaches the world, and nobody in the world reaches it."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import NamedTuple

from .namespaces import Namespace, run

OUTSIDE, INSIDE = "10.78.0", "192.168.78"


class Router:
    """A network namespace with a cable to each side, and address translation between them."""

    def __init__(self, name: str, outer: str) -> None:
        self.name = name
        self._outer = outer
        self._address = f"{OUTSIDE}.2/24"

    def masquerade(self) -> None:
        """Let the inside out under the router's address, and the outside in only to answer."""
        self._nft("add", "table", "ip", "nat")
        self._nft("add", "chain", "ip", "nat", "out", "{ type nat hook postrouting priority 100; }")
        self._nft("add", "rule", "ip", "nat", "out", "oifname", self._outer, "masquerade")
        self._nft("add", "table", "ip", "wall")
        self._nft("add", "chain", "ip", "wall", "way", "{ type filter hook forward priority 0; }")
        self._nft("add", "rule", "ip", "wall", "way", "iifname", self._outer, "ct", "state", "new", "drop")

    def fall_silent(self) -> None:
        """Drop every packet from now on."""
        self._nft("add", "chain", "ip", "wall", "way", "{ policy drop; }")
        self._nft("insert", "rule", "ip", "wall", "way", "drop")

    def speak_again(self) -> None:
        """Let packets pass as before."""
        self._nft("delete", "table", "ip", "wall")
        self._nft("delete", "table", "ip", "nat")
        self.masquerade()

    def move(self) -> None:
        """Get another address outside; whatever was under way is lost, and nobody is told."""
        run("ip", "-n", self.name, "addr", "del", self._address, "dev", self._outer)
        self._address = f"{OUTSIDE}.3/24"
        run("ip", "-n", self.name, "addr", "add", self._address, "dev", self._outer)

    def _nft(self, *arguments: str) -> None:
        run("ip", "netns", "exec", self.name, "nft", *arguments)


class BehindNat(NamedTuple):
    """Two machines and what is between them."""

    outside: Namespace
    router: Router
    inside: Namespace


@contextlib.contextmanager
def behind_nat() -> Iterator[BehindNat]:
    """Make a network of two sides. Raises OSError where that is not possible."""
    if not (shutil.which("ip") and shutil.which("nft")):
        raise OSError("there is no program `ip` or `nft`; install iproute2 and nftables")
    mark = f"{os.getpid():x}"
    outside = Namespace(f"batwa-{mark}-out", f"{OUTSIDE}.1")
    inside = Namespace(f"batwa-{mark}-in", f"{INSIDE}.2")
    router = Router(f"batwa-{mark}-nat", outer=f"bw{mark}o"[-15:])
    inner = f"bw{mark}i"[-15:]
    with contextlib.ExitStack() as stack:
        for name in (outside.name, router.name, inside.name):
            run("ip", "netns", "add", name)
            stack.callback(run, "ip", "netns", "del", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        for end, leg, address in (
            (outside, f"bw{mark}o"[-15:], f"{OUTSIDE}.2/24"),
            (inside, inner, f"{INSIDE}.1/24"),
        ):
            run(
                "ip",
                "link",
                "add",
                leg,
                "netns",
                router.name,
                "type",
                "veth",
                "peer",
                "eth0",
                "netns",
                end.name,
            )
            for where, device, given in (
                (end.name, "eth0", f"{end.address}/24"),
                (router.name, leg, address),
            ):
                run("ip", "-n", where, "addr", "add", given, "dev", device)
                run("ip", "-n", where, "link", "set", device, "up")
        run("ip", "-n", inside.name, "route", "add", "default", "via", f"{INSIDE}.1")
        forward = "echo 1 >/proc/sys/net/ipv4/ip_forward"
        run("ip", "netns", "exec", router.name, "sh", "-c", forward)
        router.masquerade()
        yield BehindNat(outside, router, inside)
