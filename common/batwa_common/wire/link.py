"""The link: how an agent that nobody can dial gives its hub connections to call it by."""

from typing import Annotated

from pydantic import Field, StringConstraints

from .base import Wire

PROTOCOL = "batwa-link"
"""What a connection is upgraded to that an agent dials for its hub's calls."""
REPLACED = 4409
"""Close code of a link: the same agent has linked again, perhaps from another machine."""
MAX_DIALS = 1024
"""Connections asked for at once, at most."""

_SUFFIX = ".link"


def link_url(agent_id: str) -> str:
    """Return what a linked agent has as its `api_url`: it means its link, and nothing in the DNS."""
    return f"http://{agent_id}{_SUFFIX}"


def linked_id(api_url: str) -> str | None:
    """Return the agent whose link *api_url* means; None if it is an address."""
    scheme, _, rest = api_url.rstrip("/").partition("://")
    is_link = scheme == "http" and rest.endswith(_SUFFIX)
    return rest.removesuffix(_SUFFIX) if is_link else None


class DialOrder(Wire):
    """Said by the hub on the control socket: dial so many connections."""

    token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
    """Names this link; the last segment of `GET /api/agent/dial/{token}`."""
    dial: int = Field(ge=0, le=MAX_DIALS)
    """How many."""
