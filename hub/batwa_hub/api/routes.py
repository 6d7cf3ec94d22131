"""The hub's whole HTTP surface."""

from batwa_common.web.routes import Route

from . import agents, auth, events, health, keys, p2p, remote, root, terminals, tokens, users, vms
from .reference import with_reference

ROUTES: list[Route] = with_reference(
    [
        *root.ROUTES,
        *health.ROUTES,
        *auth.ROUTES,
        *tokens.ROUTES,
        *users.ROUTES,
        *keys.ROUTES,
        *agents.ROUTES,
        *vms.ROUTES,
        *events.ROUTES,
        *p2p.ROUTES,
        *remote.ROUTES,
        *terminals.ROUTES,
    ]
)
