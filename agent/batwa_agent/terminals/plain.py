"""The documented protocol: keys and resizes in, output frames out."""

from pydantic import ValidationError

from batwa_agent.terminals import frames
from batwa_common.wire.base import Wire
from batwa_common.wire.terminal import Resize

from .rendering import notice
from .screen import Picture
from .socket import TerminalSocket
from .viewer import Size

_RESIZE_BYTES = 256
"""No resize message is longer; what is longer is keys."""


class PlainSocket(TerminalSocket):
    """A viewer that speaks the documented protocol; it learns nothing but output."""

    def tell(self, what: Wire) -> None:
        """Say nothing: this protocol has no control messages."""

    def greet(self, picture: Picture | None, lost_bytes: int) -> None:
        """Show the screen, if it comes instead of bytes."""
        if picture is None:
            return
        data = picture.data
        if lost_bytes:
            data = notice(f"{lost_bytes} bytes of output are no longer kept", self._terminal.size.rows) + data
        self.send(frames.binary((memoryview(data),), len(data)))

    def take(self, data: bytes, *, is_text: bool) -> None:
        """Obey a resize; everything else is keys."""
        if is_text and (resize := _resize(data)) is not None:
            self.resize(Size(resize.rows, resize.cols))
        elif self.about.mode != "reader":
            self.keys(data)

    def skipped(self, offset: int) -> None:
        """Say nothing."""

    def farewell(self) -> None:
        """Say nothing: the close code does."""


def _resize(text: bytes) -> Resize | None:
    if len(text) > _RESIZE_BYTES or not text.startswith(b"{"):
        return None
    try:
        return Resize.model_validate_json(text)
    except ValidationError:
        return None
