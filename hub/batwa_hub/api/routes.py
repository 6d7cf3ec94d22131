"""The hub's whole HTTP surface."""

from batwa_common.web import metrics
from batwa_common.web.routes import Route

from . import (
    agents,
    audit,
    auth,
    ca,
    commands,
    events,
    health,
    joining,
    keys,
    links,
    logins,
    oidc,
    p2p,
    page,
    passkeys,
    recordings,
    remote,
    root,
    shares,
    terminals,
    tokens,
    totp,
    users,
    vms,
)
from .reference import with_reference

ROUTES: list[Route] = with_reference(
    [
        *root.ROUTES,
        *page.ROUTES,
        *health.ROUTES,
        *metrics.ROUTES,
        *ca.ROUTES,
        *auth.ROUTES,
        *tokens.ROUTES,
        *users.ROUTES,
        *logins.ROUTES,
        *totp.ROUTES,
        *oidc.ROUTES,
        *passkeys.ROUTES,
        *keys.ROUTES,
        *joining.ROUTES,
        *agents.ROUTES,
        *links.ROUTES,
        *vms.ROUTES,
        *events.ROUTES,
        *audit.ROUTES,
        *p2p.ROUTES,
        *remote.ROUTES,
        *terminals.ROUTES,
        *shares.ROUTES,
        *recordings.ROUTES,
        *commands.ROUTES,
    ]
)
