"""One shell, or command, in one VM: its output by offset, who watches, its size and its end."""

import termios
import time
from collections.abc import Callable
from functools import partial

from batwa_common.wire import terminal as wire
from batwa_common.wire.base import Wire

from .child import Child, hang_up
from .keeper import Kept
from .output_log import OutputLog
from .pty import Pty
from .record import Record
from .screen import Screen
from .turns import Turns
from .viewer import EXITED, LAGGING, REPLACED, Ending, Size, Tap, Viewer

_LAST_WORDS_S = 1.0
"""How long a process may outlive its terminal before it is hung up."""
_NEW_S = 10.0
"""How long what a program asked before anybody watched waits for an answer."""


class Terminal:
    """A pseudo-terminal that reads on with nobody attached.

    While all viewers are behind, it is not read: a slow viewer slows the shell. Who falls behind the log
    while another keeps up is cut off.
    """

    def __init__(self, record: Record, output: OutputLog, *, told: Callable[[int], int]) -> None:
        self.record = record
        self.log = output
        self.tap: Tap | None = None
        self.recording_id: str | None = record.recording_id
        self.ending: Ending | None = None if record.ended_at is None else EXITED
        self.size = Size(record.rows, record.cols)
        self.screen = Screen(output, self.size)
        self._told = told
        self._viewers: list[Viewer] = []
        self._seen = output.end
        self._opened_s = time.monotonic()
        self._was_watched = False
        self._pty: Pty | None = None
        self._child: Child | None = None

    def run(self, kept: Kept, *, turns: Turns, on_eof: Callable[["Terminal"], None]) -> None:
        """Begin to read; *on_eof* is called once, when no process has the terminal any more."""
        self._child = kept.child
        self.size = Size(*termios.tcgetwinsize(kept.master))
        self.screen.resize(self.size)
        self._pty = Pty(
            kept.master, self.log, turns=turns, on_output=self._output, on_end=partial(on_eof, self)
        )
        self._pty.resume()

    @property
    def is_unseen(self) -> bool:
        """Whether it is so new, and nobody has watched it, that its questions still want answers."""
        return not self._was_watched and time.monotonic() - self._opened_s < _NEW_S

    @property
    def viewers(self) -> tuple[Viewer, ...]:
        """Who watches, in the order they came."""
        return tuple(self._viewers)

    def attach(self, viewer: Viewer) -> None:
        """Let *viewer* see what comes from its offset on, in place of its own earlier connection."""
        self._was_watched = True
        for earlier in self.viewers:
            if _is_same(earlier, viewer):
                self._viewers.remove(earlier)
                earlier.over(REPLACED)
        self._viewers.append(viewer)
        self._fit()
        self._tell_viewers()
        if self.ending is not None:
            viewer.over(self.ending)

    def detach(self, viewer: Viewer) -> None:
        """Go on without *viewer*."""
        self._viewers.remove(viewer)
        self._fit()
        self._tell_viewers()
        self.balance()

    def write(self, data: memoryview) -> memoryview:
        """Type *data*; return what the shell does not take now."""
        if self._pty is None:
            return data[:0]
        rest = self._pty.write(data)
        if self.tap is not None:
            self.tap.input(bytes(data[: len(data) - len(rest)]))
        return rest

    async def writable(self) -> None:
        """Wait until the shell takes input again, or is gone."""
        if self._pty is not None:
            await self._pty.writable()

    def resized(self) -> None:
        """A viewer's size changed."""
        self._fit()

    def balance(self) -> None:
        """Read on if anybody wants more, or nobody watches; else wait for a viewer to catch up."""
        if len(self._viewers) > 1:
            for viewer in self._viewers:
                if viewer.offset < self.log.kept_from:
                    viewer.over(LAGGING)
        if self._pty is None:
            return
        if not self._viewers or any(viewer.has_room for viewer in self._viewers):
            self._pty.resume()
        else:
            self._pty.pause()

    async def end(self, ending: Ending) -> None:
        """Hang up; returns once the shell is gone and everybody has been told."""
        self._let_go()
        if self._child is not None:
            await hang_up(self._child)
        self._settle(ending)

    async def finish(self) -> None:
        """All output has come; learn how it ended, and tell everybody."""
        if self._child is not None and not await self._child.ended(_LAST_WORDS_S):
            await hang_up(self._child)
        self._settle(EXITED)

    def leave(self, ending: Ending) -> None:
        """Let go of the terminal without ending it, and of all who watch."""
        self._let_go()
        for viewer in self.viewers:
            viewer.over(ending)

    def describe(self, *, agent_id: str, hostname: str) -> wire.Terminal:
        """Return what others may know."""
        record = self.record
        return wire.Terminal(
            id=record.id,
            vm_name=record.vm_name,
            agent_id=agent_id,
            agent_hostname=hostname,
            state="running" if self.ending is None else "exited",
            exit_code=record.exit_code,
            rows=self.size.rows,
            cols=self.size.cols,
            command=record.command,
            created_at=record.created_at,
            created_by=record.created_by,
            linger_s=record.linger_s,
            offset=self.log.end,
            kept_from=self.log.kept_from,
            viewers=tuple(viewer.about for viewer in self._viewers),
            recording_id=self.recording_id,
        )

    def _output(self) -> None:
        start, end = self._seen, self.log.end
        self._seen = end
        pieces = self.log.pieces(start, end)
        for viewer in self.viewers:
            viewer.show(start, end, pieces)
        if self.tap is not None:
            self.tap.output(b"".join(pieces))
        self.screen.note()
        self.balance()

    def _fit(self) -> None:
        sizes = [v.size for v in self._viewers if v.size is not None and v.about.mode != "reader"]
        if not sizes or self.ending is not None:
            return
        size = Size(min(size.rows for size in sizes), min(size.cols for size in sizes))
        if size == self.size:
            return
        self.size = size
        if self._pty is not None:
            self._pty.resize(rows=size.rows, cols=size.cols)
        self.screen.resize(size)
        if self.tap is not None:
            self.tap.resize(rows=size.rows, cols=size.cols)
        self._tell(wire.Resize(type="resize", rows=size.rows, cols=size.cols))

    def _tell_viewers(self) -> None:
        self._tell(wire.Viewers(viewers=tuple(viewer.about for viewer in self._viewers)))

    def _tell(self, what: Wire) -> None:
        for viewer in self._viewers:
            viewer.tell(what)

    def _settle(self, ending: Ending) -> None:
        if self.ending is not None:
            return
        self._let_go()
        self.ending = ending
        code = None if self._child is None else self._child.exit_code
        self.record = self.record.ended(None if code is None else self._told(code))
        if self.tap is not None:
            self.tap.end(self.record.exit_code)
        for viewer in self.viewers:
            viewer.over(ending)

    def _let_go(self) -> None:
        if self._pty is not None:
            self._pty.close()


def _is_same(one: Viewer, other: Viewer) -> bool:
    names = (other.attachment, other.about.name)
    return one.attachment is not None and (one.attachment, one.about.name) == names
