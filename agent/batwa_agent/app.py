"""Make the agent's aiohttp application."""

from aiohttp import web

from batwa_common.web.heads import readable
from batwa_common.web.metrics import METRICS, measured
from batwa_common.web.problems import problems
from batwa_common.web.routes import mount
from batwa_common.web.serve import with_stopping
from batwa_common.web.vms import VMS

from .agent import AGENT, Agent
from .api import ROUTES, guard

BODY_BYTES = 1 << 20


def make_app(agent: Agent) -> web.Application:
    """Return the application that serves *agent*."""
    app = web.Application(middlewares=[readable, measured, problems], client_max_size=BODY_BYTES)
    app[AGENT] = agent
    app[METRICS] = agent.metrics
    app[VMS] = lambda _caller: agent.machine
    with_stopping(app)
    app.on_shutdown.append(_hang_up)
    mount(app, ROUTES, guard)
    return app


async def _hang_up(app: web.Application) -> None:
    agent = app[AGENT]
    await agent.terminals.stop()
    if agent.link is not None:
        await agent.link.stop()
