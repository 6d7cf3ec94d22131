"""The subprotocol `batwa.v1`: binary frames are bytes, text frames JSON messages (docs/protocol.md)."""

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from batwa_agent.terminals import frames
from batwa_common.errors import Forbidden, InvalidRequest
from batwa_common.wire.base import Wire
from batwa_common.wire.terminal import (
    SUBPROTOCOL,
    Ack,
    Exit,
    Hello,
    Notice,
    Ping,
    Pong,
    Resize,
    Skip,
    TerminalError,
)

from .screen import Picture
from .socket import TerminalSocket
from .viewer import Size
from .window import LEAST_BYTES

_CONTROL: TypeAdapter[Resize | Ack | Ping] = TypeAdapter(
    Annotated[Resize | Ack | Ping, Field(discriminator="type")]
)


class FullSocket(TerminalSocket):
    """A viewer that counts what it gets."""

    subprotocols = (SUBPROTOCOL,)
    acknowledges = True

    def tell(self, what: Wire) -> None:
        """Send *what* as a text frame."""
        self.send(frames.text(what.model_dump_json()))

    def greet(self, picture: Picture | None, lost_bytes: int) -> None:
        """Say hello, and show the screen if it comes instead of bytes."""
        rows, cols = self._terminal.size
        self.tell(
            Hello(
                terminal_id=self._terminal.record.id,
                viewer_id=self.about.id,
                offset=self.offset,
                rows=rows,
                cols=cols,
                mode=self.about.mode,
                missed=picture is not None,
                window_bytes=LEAST_BYTES,
            )
        )
        if picture is not None:
            self.send(frames.binary((memoryview(picture.data),), len(picture.data)))
            self.skipped(self.offset)  # so that who counts every frame counts right
        if lost_bytes:
            text = f"{lost_bytes} bytes of output are no longer kept; this is the screen as it is now."
            self.tell(Notice(text=text))

    def take(self, data: bytes, *, is_text: bool) -> None:
        """Type bytes, obey messages."""
        if is_text:
            self._obey(data)
        elif self.about.mode != "reader":
            self.keys(data)
        elif data:
            self._refuse(Forbidden.code, "You may watch this terminal, not type into it.")

    def skipped(self, offset: int) -> None:
        """Say where it goes on."""
        self.tell(Skip(offset=offset))

    def farewell(self) -> None:
        """Say how it ended."""
        self.tell(Exit(exit_code=self._terminal.record.exit_code))

    def _obey(self, text: bytes) -> None:
        try:
            message = _CONTROL.validate_json(text)
        except ValidationError:
            self._refuse(
                InvalidRequest.code, "That is no control message of batwa.v1; keys go in binary frames."
            )
            return
        match message:
            case Ack(offset=offset):
                self.acknowledge(offset)
            case Resize(rows=rows, cols=cols):
                self.resize(Size(rows, cols))
            case Ping():
                self.tell(Pong())

    def _refuse(self, code: str, detail: str) -> None:
        self.tell(TerminalError(code=code, detail=detail))
