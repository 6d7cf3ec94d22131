"""Announcing this hub and finding others by DNS-SD over multicast DNS. What is found is only proposed."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence

import ifaddr
import structlog
from zeroconf import Error, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from batwa_hub.services.peering.p2p import Announcement, DiscoveryFailed

log = structlog.stdlib.get_logger(__name__)

SERVICE = "_batwa._tcp.local."
RESOLVE_MS = 3000
"""How long a hub that was seen may take to tell its address."""
MOST_RESOLVING = 32
"""Hubs whose address is asked for at a time; further ones are passed over until they announce again."""


class Discovery:
    """Multicast DNS on given interfaces.

    Args:
        addresses: IPv4 addresses of this machine, one for each interface to use.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = tuple(addresses)
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._resolving: set[asyncio.Task[None]] = set()

    async def start(
        self, own: Announcement, found: Callable[[str], None], gone: Callable[[str], None]
    ) -> None:
        """Announce *own*, and call *found* and *gone* from now on. Raises `DiscoveryFailed`."""
        try:
            self._zeroconf = AsyncZeroconf(interfaces=list(self._addresses))
            announced = await self._zeroconf.async_register_service(self._info(own))
            await announced
        except (OSError, Error) as err:
            await self.stop()
            raise DiscoveryFailed(f"{type(err).__name__}: {err}") from err

        def changed(
            zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
        ) -> None:
            if state_change is ServiceStateChange.Removed:
                gone(name.removesuffix(f".{SERVICE}"))
            elif name != f"{own.id}.{SERVICE}" and len(self._resolving) < MOST_RESOLVING:
                task = asyncio.ensure_future(_resolve(zeroconf, service_type, name, found))
                self._resolving.add(task)
                task.add_done_callback(self._resolving.discard)

        self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, SERVICE, handlers=[changed])
        log.info("discovery.started", addresses=self._addresses)

    async def stop(self) -> None:
        """Say goodbye and close; takes up to two seconds. Fine if it never started."""
        if self._browser is not None:
            await self._browser.async_cancel()
        for task in list(self._resolving):
            task.cancel()
        await asyncio.gather(*self._resolving, return_exceptions=True)
        if self._zeroconf is not None:
            await self._zeroconf.async_unregister_all_services()
            await self._zeroconf.async_close()
        self._browser = self._zeroconf = None

    def _info(self, own: Announcement) -> AsyncServiceInfo:
        told = {"id": own.id, "name": own.name, "port": str(own.port), "version": own.version}
        told |= {"scheme": "https"} if own.https else {}
        return AsyncServiceInfo(
            SERVICE,
            f"{own.id}.{SERVICE}",
            port=own.port,
            properties=told,
            addresses=[socket.inet_aton(address) for address in self._addresses],
            server=f"{own.id}.local.",
        )


async def _resolve(zeroconf: Zeroconf, service_type: str, name: str, found: Callable[[str], None]) -> None:
    info = AsyncServiceInfo(service_type, name)
    if not await info.async_request(zeroconf, RESOLVE_MS):
        return
    scheme = "https" if info.properties.get(b"scheme") == b"https" else "http"
    for address in info.parsed_addresses():
        if ipaddress.ip_address(address).version == 4 and info.port:
            found(f"{scheme}://{address}:{info.port}")


def addresses_for(host: str, interfaces: Sequence[object]) -> tuple[str, ...]:
    """Return the IPv4 addresses to announce: *interfaces*, else those where *host* listens. Blocks."""
    if interfaces:
        return tuple(map(str, interfaces))
    try:
        listening = ipaddress.ip_address(host)
    except ValueError:  # a host name: wherever it points
        return (socket.gethostbyname(host),)
    if listening.version == 4 and not listening.is_unspecified:
        return (host,)
    found = [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)]
    return tuple(each for each in found if not ipaddress.ip_address(each).is_loopback) or ("127.0.0.1",)
