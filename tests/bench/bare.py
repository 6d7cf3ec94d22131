"""A bare aiohttp handler that answers with the bytes of a file: what the list is measured against."""

import sys
from pathlib import Path

from aiohttp import web

from batwa_common.web.serve import run, serve, with_stopping


def main() -> None:
    """Serve the file named first on the port named second."""
    body = Path(sys.argv[1]).read_bytes()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    with_stopping(app)
    app.router.add_get("/", answer)
    run(serve(app, host="127.0.0.1", port=int(sys.argv[2])))


if __name__ == "__main__":
    main()
