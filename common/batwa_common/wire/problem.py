"""How failures are told."""

from pydantic import Field

from .base import Wire


class Problem(Wire):
    """RFC 9457 body of every answer that is not 2xx, with both documented APIs' fields."""

    type: str = "about:blank"
    """RFC 9457: a URI for the kind of problem; ours is told by `code`."""
    title: str
    """The kind of problem in a few words, the same for each of its kind."""
    status: int = Field(ge=400, le=599)
    """Same number as the HTTP status line."""
    code: str
    """Stable name from `errors.py`."""
    detail: str
    """One sentence for a person, with what to do."""
    error: str
    """The same sentence, where the second documented API looks for it."""
    request_id: str | None = None
    """The id under which the log has this request."""


class Failure(Wire):
    """Why an operation failed: what a `Problem` tells, kept with the operation."""

    code: str
    """Stable name from `errors.py`."""
    status: int
    """The HTTP status that goes with the code."""
    detail: str
    """One sentence for a person."""
