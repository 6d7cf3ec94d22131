"""Control messages of a terminal's WebSocket."""

from typing import Literal

from pydantic import Field

from .base import Wire


class Resize(Wire):
    """Text message, viewer to agent: the viewer's size changed."""

    type: Literal["resize"]
    """Tells it from keyboard input."""
    rows: int = Field(ge=1, le=1000)
    """Height in character cells."""
    cols: int = Field(ge=1, le=1000)
    """Width in character cells."""
