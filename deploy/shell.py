"""A terminal in a VM: `python deploy/shell.py HUB_URL VM_NAME COOKIE_FILE`, ended by the remote shell.

COOKIE_FILE is what `curl -c` wrote at the login.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import aiohttp

COLUMNS = 7
"""Of a line in a cookie file: domain, subdomains, path, secure, expiry, name, value."""


def session_id(file: str) -> str:
    """Return the session's id from a cookie file of curl's."""
    for line in Path(file).read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        if len(fields) == COLUMNS and fields[5] == "session_id":
            return fields[6]
    raise SystemExit(f"{file} holds no session; log in first")


@contextlib.contextmanager
def raw_keys() -> Iterator[None]:
    """Take every key as it is typed, where standard input is a terminal."""
    if not os.isatty(0):
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


async def typing(ws: aiohttp.ClientWebSocketResponse) -> None:
    """Send what is typed, until the end of standard input."""
    while data := await asyncio.to_thread(os.read, 0, 1024):
        await ws.send_bytes(data)


async def shell(url: str, name: str, cookie: str) -> None:
    """Copy keys to the VM and its output here until the shell ends."""
    headers = {"Cookie": f"session_id={cookie}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"{url}/ws", params={"vm_name": name}) as ws,
    ):

        def resize() -> asyncio.Task[None]:
            size = shutil.get_terminal_size()
            return asyncio.create_task(
                ws.send_str(json.dumps({"type": "resize", "cols": size.columns, "rows": size.lines}))
            )

        await resize()
        asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, resize)
        keys = asyncio.create_task(typing(ws))
        async for message in ws:
            sys.stdout.buffer.write(message.data)
            sys.stdout.buffer.flush()
        keys.cancel()


def main() -> None:
    """Run with the command line's arguments."""
    url, name, cookie_file = sys.argv[1:4]
    cookie = session_id(cookie_file)
    with raw_keys():
        asyncio.run(shell(url, name, cookie))


if __name__ == "__main__":
    main()
