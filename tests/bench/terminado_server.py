"""terminado with one command behind it: `python -m tests.bench.terminado_server PORT ARGV…`."""

import asyncio
import sys

import terminado
import tornado.web


async def main() -> None:
    """Serve until killed."""
    manager = terminado.UniqueTermManager(shell_command=sys.argv[2:])
    app = tornado.web.Application([(r"/websocket", terminado.TermSocket, {"term_manager": manager})])
    app.listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
