"""nginx set up by the files that administrators are given."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from .fleet import Daemon, clean_environment

_GIVEN = Path(__file__).parents[2] / "deploy" / "nginx"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def nginx(given: str, directory: Path, port: int, hubs: Mapping[str, int]) -> Daemon:
    """Return nginx by the *given* file, listening on *port*, with hubs on ports for the addresses there.

    Its certificate is left out. Its workers must be able to write answers into *directory*, which is the
    user's who runs the tests.
    """
    lines = (_GIVEN / given).read_text().splitlines()
    kept = "\n".join(line for line in lines if not re.match(r"    (listen|ssl_|server_name)", line))
    for address, at in hubs.items():
        assert address in kept
        kept = kept.replace(address, f"127.0.0.1:{at}")
    kept = kept.replace("server {", f"server {{ listen 127.0.0.1:{port};")
    who = "user root;" if os.geteuid() == 0 else ""
    temporary = " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in _TEMPORARY)
    file = directory / "nginx.conf"
    file.write_text(
        f"{who} daemon off; pid {directory}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{kept}\n}}"
    )
    return Daemon(
        ["nginx", "-e", "stderr", "-p", str(directory), "-c", str(file)],
        clean_environment(),
        ready=f"http://127.0.0.1:{port}/readyz",
        log=directory / "nginx.log",
    )
