"""How a daemon that is told to stop stops."""

import asyncio
import os
import signal
import socket

from aiohttp import ClientSession, web

from batwa_common.web.serve import DRAINING, Serving, serve, with_stopping


async def test_told_to_stop_it_says_so_and_still_takes_connections() -> None:
    async def ready(request: web.Request) -> web.Response:
        return web.Response(status=503 if request.app[DRAINING].is_set() else 200)

    begun: asyncio.Future[Serving] = asyncio.get_running_loop().create_future()

    async def listening(serving: Serving) -> None:
        begun.set_result(serving)

    async def ask() -> int:
        async with ClientSession() as session, session.get(f"{(await begun).address}/readyz") as answer:
            return answer.status

    app = web.Application()
    app.router.add_get("/readyz", ready)
    with_stopping(app)
    sockets = [socket.create_server(("127.0.0.1", 0))]
    daemon = asyncio.ensure_future(
        serve(app, host=None, port=0, sockets=sockets, ready=listening, drain_s=3600)
    )

    assert await ask() == 200
    os.kill(os.getpid(), signal.SIGTERM)
    await app[DRAINING].wait()
    assert await ask() == 503
    os.kill(os.getpid(), signal.SIGTERM)  # told again it waits no longer
    await daemon
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)
