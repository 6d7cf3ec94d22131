"""What a terminal knows of those who watch it."""

from typing import NamedTuple, Protocol

from batwa_common.wire.base import Wire
from batwa_common.wire.terminal import CloseCode, TerminalViewer

from .output_log import Pieces


class Size(NamedTuple):
    """In character cells."""

    rows: int
    cols: int


class Ending(NamedTuple):
    """Why it is over, as a viewer's socket tells it (RFC 6455, 7.4)."""

    code: CloseCode
    reason: str


EXITED = Ending(CloseCode.EXITED, "exited")
STOPPING = Ending(CloseCode.STOPPING, "stopping")
REMOVED = Ending(CloseCode.REMOVED, "removed")
IDLE = Ending(CloseCode.IDLE, "idle")
REPLACED = Ending(CloseCode.REPLACED, "replaced")
TERMINATED = Ending(CloseCode.TERMINATED, "terminated")
LAGGING = Ending(CloseCode.LAGGING, "lagging")
INTERNAL = Ending(CloseCode.INTERNAL, "internal")


class Viewer(Protocol):
    """Where output goes. No call waits."""

    about: TerminalViewer
    """Who it is."""
    key: str
    """By which the hub has it closed; empty for none."""
    attachment: str | None
    """What it shares with its own earlier connections alone; None has none."""
    size: Size | None
    """Its size; None leaves the size to the others."""
    offset: int
    """Of the next byte it is to be given."""

    @property
    def has_room(self) -> bool:
        """Whether it has all there is, and would take more at once."""
        ...

    def show(self, start: int, stop: int, pieces: Pieces) -> None:
        """Know of new output; take it if `offset` is *start* and there is room, else come for it later."""
        ...

    def tell(self, what: Wire) -> None:
        """Pass a control message on, if the viewer's protocol has any."""
        ...

    def over(self, ending: Ending) -> None:
        """Close, after all output if *ending* is `EXITED`."""
        ...


class Tap(Protocol):
    """Gets a copy of what happens, a recording for instance. No call waits or raises."""

    def output(self, data: bytes) -> None:
        """It showed *data*."""
        ...

    def input(self, data: bytes) -> None:
        """Somebody typed *data*."""
        ...

    def resize(self, *, rows: int, cols: int) -> None:
        """It has that size now."""
        ...

    def end(self, exit_code: int | None) -> None:
        """Nothing more comes."""
        ...
