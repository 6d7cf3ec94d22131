"""A daemon's HTTP surface as a table: each row has its access rule."""

from collections.abc import Awaitable, Callable, Iterable
from enum import Enum
from typing import Literal, NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler

from batwa_common.scope import Scope
from batwa_common.wire.base import Wire


class Access(Enum):
    """Who may call a route. There is no default."""

    ANYONE = "anyone"
    """Needs no login."""
    METRICS = "metrics"
    """Whoever has the token for the metrics; without one, this machine."""
    AGENT = "agent"
    """An agent with its key."""
    PEER = "peer"
    """Another hub with its signature."""
    PROCESS = "process"
    """Another process of the same hub, by what only those with its key file can make."""
    LINK = "link"
    """Whoever comes with a link (`?share=`), which the handler looks at; without one, whoever may look."""
    VIEWER = "viewer"
    """Whoever may look."""
    OPERATOR = "operator"
    """Whoever may change VMs."""
    TERMINAL = "terminals"
    """Whoever may open terminals and run commands: a permission of its own, beside the role."""
    ADMIN = "admin"
    """Whoever may change agents, keys and accounts."""


class Caller(NamedTuple):
    """Who makes this request, once the guard has let it pass."""

    name: str
    """For logs, operations and the audit trail; empty for a stranger."""
    agent_id: str | None = None
    """Set when the caller is an agent."""
    role: Literal["", "viewer", "operator", "admin", "agent"] = ""
    """What the caller may do; empty for a stranger."""
    terminals: bool = False
    """Whether the caller may open terminals, type in them and run commands."""
    scope: Scope | None = None
    """Which agents' things the caller may see; None for all of them."""
    kind: Literal["", "user", "token", "peer", "agent"] = ""
    """How the caller proved who it is: a login, an API token, a hub's signature, an agent's key."""
    user_id: str = ""
    """The account behind a login or a token; empty for others."""
    key: str = ""
    """Names the login or token without giving it away, for whatever must end with it; empty for others."""


CALLER = web.RequestKey("caller", Caller)

Guard = Callable[[web.Request, Access], Awaitable[Caller]]
"""Returns who calls if the rule lets it pass, else raises `NotAuthenticated` or `Forbidden`."""


class Listing(NamedTuple):
    """The shape of an answer that is a JSON list."""

    of: type[Wire]


class Route(NamedTuple):
    """One endpoint: the first four fields are required, so that there is none without a stated rule."""

    method: str
    path: str
    handler: Handler
    access: Access
    takes: type[Wire] | None = None
    """Shape of the JSON body; None when none is read."""
    query: type[Wire] | None = None
    """Shape of the query parameters; None when none is read."""
    gives: type[Wire] | Listing | None = None
    """Shape of the answer's JSON body; None when it is not JSON."""
    status: int = 200
    """Status of the ordinary answer."""


ROUTE = web.RequestKey("route", Route)
"""Which endpoint a request has come to; set before the guard looks at it."""


def mount(app: web.Application, routes: Iterable[Route], guard: Guard) -> None:
    """Add *routes* to *app*, each behind its own rule."""
    for route in routes:
        app.router.add_route(route.method, route.path, _guarded(route, guard))


def _guarded(route: Route, guard: Guard) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        request[ROUTE] = route
        request[CALLER] = await guard(request, route.access)
        return await route.handler(request)

    return guarded
