"""The second factor: codes of an authenticator app (RFC 6238), and recovery codes for its loss."""

from typing import Annotated

from pydantic import Field, StringConstraints

from .base import Command, Wire

Code = Annotated[str, StringConstraints(min_length=6, max_length=64)]
"""Six digits of the app, or a recovery code; spaces and hyphens do not matter."""


class BeginTotp(Command):
    """Get a secret for an authenticator app."""

    password: Annotated[str, StringConstraints(max_length=1024)] = Field(repr=False)
    """One's password: whoever finds an open browser is not to lock its owner out."""


class NewTotp(Wire):
    """A secret, shown this once; it counts when a code of it has come back."""

    secret: str = Field(repr=False)
    """In Base32, for typing into the app."""
    uri: str = Field(repr=False)
    """`otpauth://…`, for showing as a QR code."""


class GivenCode(Command):
    """Show that one has the second factor."""

    code: Code = Field(repr=False)
    """Six digits of the app, or where one exists already a recovery code."""


class RecoveryCodes(Wire):
    """What lets one in without the app: each once. Shown this once."""

    codes: tuple[str, ...] = Field(repr=False)
    """Codes that have not been used."""
