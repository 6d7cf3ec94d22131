"""Run an application until it is told to stop, then stop it in good order."""

import asyncio
import gc
import logging
import signal
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import structlog
import uvloop
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger

from batwa_common.service_manager import ServiceManager
from batwa_common.supervisor import Supervisor

from .dial import MakeProtocol
from .listening import Listening

log = structlog.stdlib.get_logger(__name__)

STOPPING = web.AppKey("stopping", asyncio.Event)
"""Set when the daemon begins to stop: whoever waits on something long ends its answer."""

DRAINING = web.AppKey("draining", asyncio.Event)
"""Set when the daemon is told to stop: it still answers, and whoever balances is to send nobody more."""

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

DRAIN_S = 1.0
"""How long a connection accepted just before the stop has for its first request."""

_QUIET = ("/healthz", "/readyz", "/health", "/api/agent/heartbeat", "/api/agent/dial/")
"""Beginnings of paths that are asked for all the time."""


class Serving(NamedTuple):
    """An application that is being served."""

    address: str | None
    """Where it listens; None if nowhere."""
    protocol: MakeProtocol
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
    """Give *app* its `DRAINING` and `STOPPING` events."""
    app[DRAINING], app[STOPPING] = asyncio.Event(), asyncio.Event()

    async def stop(app: web.Application) -> None:
        app[STOPPING].set()

    app.on_shutdown.append(stop)


async def serve(
    app: web.Application,
    *,
    host: str | None,
    port: int,
    sockets: Sequence[socket.socket] = (),
    tls: ssl.SSLContext | None = None,
    idle_s: float = IDLE_S,
    ready: Callable[[Serving], Awaitable[None]] | None = None,
    manager: ServiceManager | None = None,
    status: Callable[[], str] = str,
    reload: Callable[[], Awaitable[None]] | None = None,
    drain_s: float = 0.0,
) -> None:
    """Serve *app* until SIGINT or SIGTERM, by HTTPS if *tls* is given; without *host* it listens nowhere.

    *sockets* that listen already are served in place of *host* and *port*. Requests in flight get `GRACE_S`
    to finish. *ready* is called once the socket listens; then *manager* is told, and from then on what
    *status* returns. SIGHUP calls *reload*. Told to stop it takes connections for *drain_s* more, or until
    told again. Raises OSError when it cannot listen there.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner, manager = runner_of(app, idle_s=idle_s), manager or ServiceManager()
    await runner.setup()
    try:
        protocol = _protocol_of(runner)
        listening = await Listening.open(protocol, host, port, sockets=sockets, tls=tls)
        log.info("daemon.listening", address=listening.address)
        if ready is not None:
            await ready(Serving(listening.address, protocol))
        async with Supervisor() as tasks:
            await manager.ready(status())
            gc.freeze()  # to look for garbage in all that the start made would hold everything up for 0.1 s
            tasks.spawn(manager.attend(status), name="service manager")
            if reload is not None:
                tasks.spawn(_reload_forever(reload, manager), name="reload")
            await stop.wait()
        log.info("daemon.stopping")
        app[DRAINING].set()
        await manager.stopping()
        stop.clear()
        with suppress(TimeoutError):  # told again it waits no longer
            async with asyncio.timeout(drain_s):
                await stop.wait()
        await _drain(listening)
    finally:
        began = time.monotonic()
        await runner.cleanup()
        log.info("daemon.stopped", took_s=round(time.monotonic() - began, 2))


class _NoFaultOfOurs(logging.Filter):
    """Leaves out what is no HTTP: `AccessLog` has a line, strangers are to fill no log with tracebacks."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


_NO_FAULT_OF_OURS = _NoFaultOfOurs()


def runner_of(app: web.Application, *, idle_s: float) -> web.AppRunner:
    """Return what serves *app*; a connection on which no whole request arrives for *idle_s* is closed."""
    server_logger.addFilter(_NO_FAULT_OF_OURS)
    return web.AppRunner(
        app,
        access_log_class=AccessLog,
        shutdown_timeout=GRACE_S,
        handler_cancellation=False,
        keepalive_timeout=idle_s,
        lingering_time=LINGER_S,
    )


async def _reload_forever(reload: Callable[[], Awaitable[None]], manager: ServiceManager) -> None:
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    while True:
        await asked.wait()
        asked.clear()
        await manager.tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        await reload()
        await manager.tell("READY=1")


async def _drain(listening: Listening) -> None:
    """Leave new connections to whoever serves next, or beside; let what was accepted ask."""
    await listening.stop()
    if listening.servers:
        await asyncio.sleep(DRAIN_S)


def _protocol_of(runner: web.AppRunner) -> MakeProtocol:
    if (server := runner.server) is None:
        raise RuntimeError("the runner is not set up")
    return server


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run *main* on uvloop to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
