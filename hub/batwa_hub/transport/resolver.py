"""Names of agents become addresses here, at every new connection: a name may point elsewhere by then."""

import socket

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from batwa_hub.services.destinations import Destinations, is_this_machine


class GuardedResolver(AbstractResolver):
    """Resolves as the system does, and leaves out every address to which the hub is not to be sent.

    Args:
        destinations: Decides.
        resolver: Knows names; left out, the system's.
    """

    def __init__(self, destinations: Destinations, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or ThreadedResolver()
        self._destinations = destinations

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of *host*. Raises OSError if none is left, and says why."""
        found, here = await self._resolver.resolve(host, port, family), is_this_machine(host)
        refused = [self._destinations.refusal(each["host"], port, from_here=here) for each in found]
        left = [each for each, why in zip(found, refused, strict=True) if why is None]
        if not left:
            raise OSError(f"{host}: {next(filter(None, refused), 'has no address')}")
        return left

    async def close(self) -> None:
        """Close the resolver that knows names."""
        await self._resolver.close()
