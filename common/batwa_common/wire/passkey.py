"""Passkeys (WebAuthn): keys of a person's devices that log in without a password."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from .agent import Text
from .base import Command, Timestamp, Wire

Ticket = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
"""What `options` came with; it is good for five minutes."""


class BeginPasskey(Command):
    """Get options for making a passkey."""

    password: Annotated[str, StringConstraints(max_length=1024)] = Field(repr=False)
    """One's password: whoever finds an open browser is not to make a way in for himself."""


class PasskeyOptions(Wire):
    """What the browser is asked with."""

    ticket: str
    """To be sent back with what the browser answers."""
    options: dict[str, Any]
    """For `navigator.credentials.create` or `get`, as JSON (`parseCreationOptionsFromJSON` and its kind)."""


class NewPasskey(Command):
    """Add a passkey that the browser has made."""

    name: Annotated[Text, StringConstraints(min_length=1)]
    """What its owner calls it."""
    ticket: Ticket = Field(repr=False)
    credential: dict[str, Any] = Field(repr=False)
    """What the browser answered, as JSON (`PublicKeyCredential.toJSON`)."""


class PasskeyLogin(Command):
    """Log in with a passkey."""

    ticket: Ticket = Field(repr=False)
    credential: dict[str, Any] = Field(repr=False)
    """What the browser answered, as JSON (`PublicKeyCredential.toJSON`)."""


class Passkey(Wire):
    """A key that logs its owner in."""

    id: str
    """The credential's id."""
    name: str
    """What its owner calls it."""
    created_at: Timestamp
    """When it was added."""
    last_used_at: Timestamp | None = None
    """When it last logged somebody in; None if never."""
