"""The guard, and how often whoever it lets pass, or refuses, may come."""

from aiohttp import web

from batwa_common.errors import BatwaError
from batwa_common.web.routes import Access, Caller
from batwa_hub.hub import HUB

from .access import address_of, guard


async def paced_guard(request: web.Request, access: Access) -> Caller:
    """Return who calls, as `guard` does. Raises `TooManyRequests` beside.

    A known caller is counted wherever it comes from, a stranger by address: what strangers do behind
    the same address slows nobody who is known.
    """
    paces = request.app[HUB].paces
    try:
        caller = await guard(request, access)
    except BatwaError:
        paces.strangers.take(address_of(request))
        raise
    if caller.kind:
        paces.callers.take(f"{caller.kind} {caller.key or caller.name}")
    else:
        paces.strangers.take(address_of(request))
    return caller
