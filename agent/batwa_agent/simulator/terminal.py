"""What the program prints, and how it fails: unbuffered, in the order it happens on a shared terminal."""

import os
import time


class Failed(Exception):
    """A command's end with *text* on stderr and exit *code* (1 bad arguments, 2 refused, 5 timed out)."""

    def __init__(self, text: str, code: int = 2) -> None:
        super().__init__(text)
        self.text = text if text.endswith("\n") else text + "\n"
        self.code = code


def emit(text: str | bytes) -> None:
    """Write *text* to stdout, all of it."""
    _write(1, text)


def complain(text: str) -> None:
    """Write *text* to stderr, all of it."""
    _write(2, text)


def client_exception(what: str) -> Failed:
    """Return the failure that an exception inside the client ends in."""
    return Failed(f"{log_prefix('client')}Caught an unhandled exception: {what}", 1)


def log_prefix(category: str) -> str:
    """Return the beginning of an error line of Multipass's log, with the local time."""
    now = time.time()
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now))
    return f"[{second}.{int(now * 1000) % 1000:03}] [error] [{category}] "


def _write(fd: int, text: str | bytes) -> None:
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    while data:
        data = data[os.write(fd, data) :]
