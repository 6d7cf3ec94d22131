"""Terminals as objects, the control messages on their WebSocket, and why that WebSocket closes."""

from enum import IntEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .base import Command, Timestamp, Wire
from .vm import AgentId, VmName

SUBPROTOCOL = "batwa.v1"
"""Asked for in `Sec-WebSocket-Protocol`: binary frames are bytes, text frames are the messages below."""

TERMINAL_HEADER = "Batwa-Terminal"
"""Header of the answer that opens a terminal's WebSocket: the terminal's id."""

Rows = Annotated[int, Field(ge=1, le=1000)]
"""Height in character cells."""
Cols = Annotated[int, Field(ge=1, le=1000)]
"""Width in character cells."""
Linger = Annotated[float, Field(ge=0, le=30 * 86_400)]
"""Seconds that a terminal lives on with nobody attached; 0 ends it with its last viewer."""
AttachmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""What a client calls an attachment over all its connections, one after another; random."""
Argument = Annotated[str, StringConstraints(max_length=32_768, pattern=r"^[^\x00]*$")]
"""One word of a command; it has no NUL."""

TerminalMode = Literal["owner", "writer", "reader"]
"""What a viewer may: owners and writers type and decide the size, readers look."""


class CloseCode(IntEnum):
    """Why a terminal's WebSocket was closed (RFC 6455, 7.4; 4000 and above are 4000 + an HTTP status)."""

    EXITED = 1000
    """The terminal has ended, or the client closed."""
    STOPPING = 1001
    """The agent is stopping. A terminal that survives can be attached to again in a moment."""
    TOO_BIG = 1009
    """A message of more than 1 MiB."""
    REMOVED = 4401
    """This viewer's login or share has ended."""
    REPLACED = 4409
    """The same viewer has attached again; what this connection still brings is not typed."""
    TERMINATED = 4410
    """Somebody ended the terminal (`DELETE /api/terminals/{id}`)."""
    IDLE = 4408
    """This viewer has sent nothing for as long as the hub's `terminal.idle_timeout_s` allows."""
    LAGGING = 4429
    """This viewer was too slow for the others; it can attach again with the offset it has."""
    INTERNAL = 4500
    """A bug; the agent's log has it."""


class TerminalViewer(Wire):
    """Somebody who watches a terminal."""

    id: str
    """Unique among this terminal's viewers."""
    name: str
    """Who, as the hub names them."""
    mode: TerminalMode
    """What they may."""
    attached_at: Timestamp
    """Since when."""


class Terminal(Wire):
    """A shell, or a command on a pseudo-terminal, in a VM. It lives at the agent."""

    id: str
    """`{agent_id}~{16 hexadecimal digits}`."""
    vm_name: str
    """In which VM."""
    agent_id: str | None = None
    """On which agent; None is the local one."""
    agent_hostname: str = "local"
    """That agent's host name; `local` for the local one."""
    state: Literal["running", "exited"]
    """An ended terminal stays listed for a while."""
    exit_code: int | None = None
    """How it ended, a signal as 128 + its number; None while it runs, and when nobody could learn it."""
    rows: int
    """Effective height: the smallest of the owners' and writers'."""
    cols: int
    """Effective width: the smallest of the owners' and writers'."""
    command: tuple[str, ...] | None = None
    """What runs; None is the login shell."""
    created_at: Timestamp
    """When it was opened."""
    created_by: str = ""
    """Who opened it."""
    linger_s: float
    """Seconds that it lives on with nobody attached."""
    offset: int
    """Bytes of output so far: the offset of the next one."""
    kept_from: int
    """Offset of the first byte that can still be replayed."""
    viewers: tuple[TerminalViewer, ...] = ()
    """Who watches."""
    recording_id: str | None = None
    """Its recording; None if there is none."""


class OpenTerminal(Command):
    """Open a terminal; nobody is attached to it yet."""

    vm_name: VmName
    """In which VM; it must be running."""
    agent_id: AgentId | None = None
    """On which agent; the hub's business, an agent ignores it."""
    rows: Rows = 24
    """Height until a viewer says otherwise."""
    cols: Cols = 80
    """Width until a viewer says otherwise."""
    command: Annotated[tuple[Argument, ...], Field(min_length=1, max_length=256)] | None = None
    """Program and arguments, as they are: no shell reads them. None is the login shell."""
    linger_s: Linger | None = None
    """None takes the agent's setting."""
    record: bool | None = None
    """Whether to record it; None follows the agent's policy."""
    record_input: bool = False
    """Whether a recording has the keys as well, passwords that are typed included."""


class Resize(Wire):
    """Viewer to agent: the viewer's size changed. Agent to viewer: the effective size is now this."""

    type: Literal["resize"]
    """Tells it from keyboard input."""
    rows: Rows
    """Height in character cells."""
    cols: Cols
    """Width in character cells."""


class Ack(Wire):
    """Viewer to agent: all output up to here has been taken."""

    type: Literal["ack"] = "ack"
    offset: int = Field(ge=0)
    """Of the first byte not yet taken."""


class Ping(Wire):
    """Viewer to agent: are you there? The answer is a `pong`. A browser cannot send WebSocket pings."""

    type: Literal["ping"] = "ping"


class Pong(Wire):
    """Agent to viewer: here I am."""

    type: Literal["pong"] = "pong"


class Hello(Wire):
    """Agent to viewer, first of all: where this begins."""

    type: Literal["hello"] = "hello"
    terminal_id: str
    """Attach with it again."""
    viewer_id: str
    """Which of the terminal's viewers this one is."""
    offset: int
    """Of the output byte that follows (after the rendered screen, if there is one)."""
    rows: int
    """Effective height."""
    cols: int
    """Effective width."""
    mode: TerminalMode
    """What this viewer may."""
    missed: bool
    """The bytes asked for are gone: the next binary frame is a rendered screen that counts no offset."""
    window_bytes: int
    """How much output may be on its way unacknowledged at least; acknowledge well before. A viewer that takes
    it within moments is sent more."""


class Viewers(Wire):
    """Agent to viewer: who watches now, as they came. The first that may type answers the program."""

    type: Literal["viewers"] = "viewers"
    viewers: tuple[TerminalViewer, ...]


class Skip(Wire):
    """Agent to viewer: the next output byte has this offset. Queries in a replay are left out."""

    type: Literal["skip"] = "skip"
    offset: int
    """Never less than what the viewer has counted."""


class Exit(Wire):
    """Agent to viewer: it has ended, and all its output has been sent."""

    type: Literal["exit"] = "exit"
    exit_code: int | None
    """A signal as 128 + its number; None when nobody could learn it."""


class Notice(Wire):
    """Agent to viewer: a sentence to show to a person."""

    type: Literal["notice"] = "notice"
    text: str


class TerminalError(Wire):
    """Agent to viewer: that message was not obeyed. The connection stays."""

    type: Literal["error"] = "error"
    code: str
    """From the list of error codes."""
    detail: str
    """One sentence for a person."""


class TerminalList(Wire):
    """Terminals of many machines."""

    terminals: tuple[Terminal, ...]
    """In order of agent, then as the agent lists them."""
    unanswered: tuple[str, ...] = ()
    """Agents that did not answer in time; what they have is missing here."""
