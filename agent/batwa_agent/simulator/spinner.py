"""The progress that Multipass writes to stdout, terminal or not: cleared lines, messages, turning bars."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from .terminal import Failed, complain, emit

_CLEAR = "\x1b[2K\x1b[0A\x1b[0E"
_FRAMES = "/-\\|"
_FRAME_S = 0.1


class Spinner:
    """Draws while somebody waits. Past its deadline it ends the program the way `--timeout` does."""

    def __init__(self, timeout_s: float | None = None, waits_for: str = "instance to start") -> None:
        self._deadline = None if timeout_s is None else time.time() + timeout_s
        self._waits_for = waits_for
        self._turning = False
        self._frame = 0
        self._drawn_at = 0.0

    def start(self, message: str) -> None:
        """Show *message* with a turning bar behind it."""
        emit(f"{_CLEAR}{message}  ")
        self._turning, self._frame = True, 0
        self._draw()

    def stop(self) -> None:
        """Clear the line."""
        emit(f"\b {_CLEAR}" if self._turning else _CLEAR)
        self._turning = False

    def message(self, message: str) -> None:
        """Replace what is shown by *message*."""
        self.stop()
        self.start(message)

    def percent(self, message: str, percent: int) -> None:
        """Replace what is shown by *message* and a percentage."""
        self.stop()
        emit(f"\r{message}{percent}%")

    def tick(self, seconds: float) -> None:
        """Wait some *seconds*, turning. Raises `Failed` (5) past the deadline."""
        until = time.time() + seconds
        while (now := time.time()) < until:
            if self._deadline is not None and now >= self._deadline:
                self.stop()
                self._deadline = None
                raise Failed(f"Timed out waiting for {self._waits_for}.", 5)
            if now - self._drawn_at >= _FRAME_S:
                self._draw()
            time.sleep(max(0.0, min(until - now, _FRAME_S)))

    def wait_until(self, at: float) -> None:
        """Turn until the wall clock shows *at*."""
        self.tick(max(0.0, at - time.time()))

    def _draw(self) -> None:
        if self._turning:
            emit(f"\b{_FRAMES[self._frame % len(_FRAMES)]}")
            self._frame += 1
        self._drawn_at = time.time()


@contextmanager
def reporting(spinner: Spinner) -> Iterator[Spinner]:
    """Clear the line at the end; a failure inside is printed between clearing it twice."""
    try:
        yield spinner
    except Failed as failure:
        if failure.code == 5:
            raise
        spinner.stop()
        complain(failure.text)
        spinner.stop()
        raise SystemExit(failure.code) from failure
    spinner.stop()
