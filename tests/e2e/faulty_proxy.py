"""A reverse proxy as bad ones are: it passes no upgrade on, and tells its own time, which is wrong."""

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from batwa_common.tls import unverified_context


@contextlib.contextmanager
def faulty_proxy(hub_url: str, *, ahead_s: float) -> Iterator[str]:
    """Yield the address of a proxy before a hub with HTTPS, whose clock is so much ahead of the hub's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub = http.client.HTTPSConnection(
                urlsplit(hub_url).netloc, timeout=10, context=unverified_context()
            )
            hub.request("GET", self.path, headers={"X-API-Key": self.headers.get("X-API-Key", "")})
            answer = hub.getresponse()
            body = answer.read()
            hub.close()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate((timestamp or time.time()) + ahead_s, usegmt=True)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
