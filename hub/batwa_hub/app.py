"""The hub as a process: the application around a running hub, served until it is told to stop."""

import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp import web

from batwa_common.errors import Unavailable
from batwa_common.service_manager import ServiceManager
from batwa_common.web.heads import readable
from batwa_common.web.metrics import METRICS, measured
from batwa_common.web.problems import problems
from batwa_common.web.routes import mount
from batwa_common.web.serve import Serving, serve, with_stopping
from batwa_common.web.vms import VMS

from .api.audited import audited
from .api.headers import make_safe
from .api.oidc import login_page_tells
from .api.paced import paced_guard
from .api.page import BUILT_IN, PAGE, page_for_browsers
from .api.proxies import TRUSTED, proxies, stay_with_https
from .api.routes import ROUTES
from .api.sessions import session_middleware
from .api.signed import sign_answers
from .hub import HUB, Hub, running
from .reload import reloading
from .settings import Settings

IDLE_S = 75.0
"""How long a connection may stay without a whole request: slow clients hold none for longer."""

MAX_BODY_BYTES = 8 << 20
"""The largest body of any route, a heartbeat with a whole inventory; each route has its own bound."""


def make_app(hub: Hub) -> web.Application:
    """Return the application that serves *hub*."""
    trusted = list(hub.settings.trusted_proxies)
    app = web.Application(
        middlewares=[
            proxies(trusted),
            readable,
            stay_with_https,
            sign_answers,
            login_page_tells,
            measured,
            problems,
            audited,
            session_middleware(hub.sessions, secure=hub.settings.cookie_secure),
            page_for_browsers,
        ],
        client_max_size=MAX_BODY_BYTES,
    )
    app[HUB] = hub
    app[TRUSTED] = trusted
    app[METRICS] = hub.metrics
    app[PAGE] = BUILT_IN
    app[VMS] = lambda caller: hub.fleet.seen_by(caller.scope)
    with_stopping(app)
    app.on_shutdown.append(_end_relayed)
    app.on_response_prepare.append(make_safe)
    mount(app, ROUTES, paced_guard)
    return app


async def _end_relayed(app: web.Application) -> None:
    hub = app[HUB]
    with suppress(Unavailable):  # then the others find out by themselves
        await hub.processes.leave()
    await hub.relays.stop()
    await hub.links.stop()  # after the relays, whose viewers agents close with a code
    await hub.neighbours.stop(hub.processes.known())


async def main(
    settings: Settings,
    read_again: Callable[[], Settings],
    manager: ServiceManager,
    sockets: Sequence[socket.socket],
) -> None:
    """Serve until SIGINT or SIGTERM, on *sockets* that *manager* listens with, if it does.

    SIGHUP has changed certificates taken at once, and settings that can change, from *read_again*.
    """
    async with running(settings, listens_where_told=bool(sockets)) as hub:
        if settings.admin_password is not None:
            await hub.accounts.add_first(settings.admin_password.get_secret_value())

        if settings.port:  # so that who links here first is found by the others at once
            await hub.processes.listen_at(settings.process.url or settings.own_url(settings.port))
            await hub.processes.known()

        async def listening(serving: Serving) -> None:
            port = urlsplit(serving.address or "").port or settings.port
            await hub.processes.listen_at(settings.process.url or settings.own_url(port))
            await hub.p2p.resume(port)
            if await hub.first_start.is_open():
                _ask_for_a_first_start(hub, port)

        app = make_app(hub)
        await serve(
            app,
            host=settings.host,
            port=settings.port,
            sockets=sockets,
            tls=hub.tls.context if hub.tls is not None else None,
            idle_s=IDLE_S,
            ready=listening,
            manager=manager,
            status=lambda: _status(hub),
            reload=reloading(app, read_again),
            drain_s=settings.process.drain_s,
        )


def _status(hub: Hub) -> str:
    agents = [agent.status for agent in hub.registry.all()]
    return f"Serving at {hub.settings.own_url()}; {agents.count('online')} of {len(agents)} agents online"


def _ask_for_a_first_start(hub: Hub, port: int) -> None:
    """Show the link to a person at a terminal; a service's journal is to keep no secret."""
    how = "batwa-hub setup-link prints a link"
    if sys.stderr.isatty():
        how = f"open {hub.settings.setup_link(hub.first_start.new_code(), port=port)}"
    sys.stderr.write(f"\nFirst start. To set the password of admin, {how}\n\n")
