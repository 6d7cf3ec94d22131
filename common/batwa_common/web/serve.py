"""Run an application until it is told to stop, then stop it in good order."""

import asyncio
import signal
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

import structlog
import uvloop
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

log = structlog.stdlib.get_logger(__name__)

STOPPING = web.AppKey("stopping", asyncio.Event)
"""Set when the daemon begins to stop: whoever waits on something long ends its answer."""

WILDCARDS = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104 -- recognised, not bound
"""Hosts that mean every address of this machine: to listen on, not to connect to."""

CLIENT = web.RequestKey("client", str)
"""Whose address a request counts for, where a proxy that is believed has told it."""

IDLE_S = 3600.0
"""How long a connection may wait for its next request. Agents keep some in hand for the hub."""

LINGER_S = 2.0
"""How long the rest of a refused body is read, so that its sender gets to see the answer."""

GRACE_S = 10.0
"""How long requests in flight may take after the stop began."""

_QUIET = ("/healthz", "/readyz", "/health", "/api/agent/heartbeat", "/api/agent/dial/")
"""Beginnings of paths that are asked for all the time."""


class Serving(NamedTuple):
    """An application that is being served."""

    address: str | None
    """Where it listens; None if nowhere."""
    protocol: Callable[[], asyncio.Protocol]
    """Makes the server's end of a connection that came another way."""


class AccessLog(AbstractAccessLogger):
    """One structured line per request. The query string, which may hold a session id, is left out."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write the line."""
        write = log.debug if request.path.startswith(_QUIET) else log.info
        write(
            "http.request",
            method=request.method,
            path=request.path,
            status=response.status,
            duration_ms=round(time * 1000, 1),
            remote=request.get(CLIENT, request.remote),
            request_id=response.headers.get("X-Request-Id"),
        )


def with_stopping(app: web.Application) -> None:
    """Give *app* its `STOPPING` event."""
    app[STOPPING] = asyncio.Event()

    async def stop(app: web.Application) -> None:
        app[STOPPING].set()

    app.on_shutdown.append(stop)


async def serve(
    app: web.Application,
    *,
    host: str | None,
    port: int,
    tls: ssl.SSLContext | None = None,
    idle_s: float = IDLE_S,
    ready: Callable[[Serving], Awaitable[None]] | None = None,
) -> None:
    """Serve *app* until SIGINT or SIGTERM, by HTTPS if *tls* is given; without *host* it listens nowhere.

    Requests in flight get `GRACE_S` to finish. *ready* is called once the socket listens. Raises OSError
    when it cannot listen there.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner = runner_of(app, idle_s=idle_s)
    await runner.setup()
    try:
        address = await _listen(runner, host, port, tls) if host is not None else None
        log.info("daemon.listening", address=address)
        if ready is not None:
            await ready(Serving(address, _protocol_of(runner)))
        await stop.wait()
        log.info("daemon.stopping")
    finally:
        began = time.monotonic()
        await runner.cleanup()
        log.info("daemon.stopped", took_s=round(time.monotonic() - began, 2))


def runner_of(app: web.Application, *, idle_s: float) -> web.AppRunner:
    """Return what serves *app*; a connection on which no whole request arrives for *idle_s* is closed."""
    return web.AppRunner(
        app,
        access_log_class=AccessLog,
        shutdown_timeout=GRACE_S,
        handler_cancellation=False,
        keepalive_timeout=idle_s,
        lingering_time=LINGER_S,
    )


async def _listen(runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None) -> str:
    site = web.TCPSite(runner, host, port, backlog=1024, ssl_context=tls)
    await site.start()
    if port:
        return site.name
    host, port, *_ = runner.addresses[0]
    return f"{'http' if tls is None else 'https'}://{host}:{port}"


def _protocol_of(runner: web.AppRunner) -> Callable[[], asyncio.Protocol]:
    if (server := runner.server) is None:
        raise RuntimeError("the runner is not set up")
    return server


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run *main* on uvloop to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
