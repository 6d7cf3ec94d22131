"""Commands in VMs: one that is waited for, one that streams, and one in many VMs."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from .base import Command, Wire
from .vm import AgentId, VmName, VmState

OUTPUT_BYTES = 1 << 20
"""Most that an answer holds of each stream; whoever wants all of it streams."""
MANY_OUTPUT_BYTES = 64 << 10
"""Most that an answer over many VMs holds of each stream of each VM."""
ARGUMENTS_BYTES = 96 << 10
"""Of a command altogether: what every Linux takes as one argument list."""
STDIN_CHARS = 1 << 20


def _fits(words: tuple[str, ...]) -> tuple[str, ...]:
    if "\0" in "".join(words):
        raise ValueError("a command cannot contain a NUL character")
    if sum(len(word.encode()) + 1 for word in words) > ARGUMENTS_BYTES:
        raise ValueError(f"the command is longer than {ARGUMENTS_BYTES} bytes; send its data as stdin")
    return words


Argv = Annotated[tuple[str, ...], Field(min_length=1, max_length=4096), AfterValidator(_fits)]
"""A program and its arguments; no shell looks at them (`["sh", "-c", …]` asks for one)."""

Stdin = Annotated[str, StringConstraints(max_length=STDIN_CHARS)]
"""Text; other bytes can be streamed."""


class Exec(Command):
    """Run a command in a VM, as its user `ubuntu`, and wait for its end."""

    command: Argv
    """What to run."""
    stdin: Stdin | None = Field(default=None, repr=False)
    """What it reads; left out, nothing."""
    timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """Seconds after which it is ended."""
    output_bytes: int = Field(default=OUTPUT_BYTES, ge=0, le=OUTPUT_BYTES)
    """Most that is kept of each stream, from its beginning."""
    agent_id: AgentId | None = None
    """The agent that has the VM. Left out: the local agent's VM of that name, else the only one."""


class ExecResult(Wire):
    """How a command in a VM ended."""

    exit_code: int | None
    """As a shell tells it, 128 + n for signal n; None if it had to be given up."""
    stdout: str
    """What it said; bytes that are not UTF-8 are replaced."""
    stderr: str
    """What it said on the other stream."""
    timed_out: bool = False
    """Whether it was ended because its time was up."""
    truncated: bool = False
    """Whether it said more than was kept."""


class ExecFilter(Command):
    """Which VMs are meant: those for which all that is given is true."""

    names: Annotated[tuple[VmName, ...], Field(max_length=1000)] | None = None
    """Names or ids."""
    state: VmState | None = "Running"
    """State; None means any, and those that do not run answer with an error."""
    agent_id: AgentId | None = None
    """The agent that has it."""
    tag: Annotated[str, StringConstraints(max_length=600, pattern="=")] | None = None
    """`name=value` that the agent's tags say."""
    q: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    """Part of the name, in any case."""


class ExecMany(Command):
    """Run a command in many VMs, and wait until it has ended in all."""

    filter: ExecFilter
    """Which VMs; `{}` is every running VM that the caller may see."""
    command: Argv
    """What to run."""
    stdin: Stdin | None = Field(default=None, repr=False)
    """What each reads; left out, nothing."""
    timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """Seconds after which it is ended, in each VM by itself."""
    concurrency: int = Field(default=16, ge=1, le=64)
    """In how many VMs at once."""
    output_bytes: int = Field(default=MANY_OUTPUT_BYTES, ge=0, le=MANY_OUTPUT_BYTES)
    """Most that is kept of each stream of each VM, from its beginning."""


class VmExecResult(Wire):
    """How a command ended in one of many VMs."""

    vm_name: str
    """The VM."""
    agent_id: str | None
    """The agent that has it; None is the local one."""
    agent_hostname: str
    """That agent's host name; `local` for the local one."""
    exit_code: int | None = None
    """As in `ExecResult`; None also if it could not be run."""
    stdout: str = ""
    """What it said."""
    stderr: str = ""
    """What it said on the other stream."""
    timed_out: bool = False
    """Whether it was ended because its time was up."""
    truncated: bool = False
    """Whether it said more than was kept."""
    error: str | None = None
    """Why it could not be run, as a sentence; None if it was."""
    code: str | None = None
    """That reason's name from `errors.py`."""


class ExecManyResult(Wire):
    """One result for each VM that was meant, in order of agent and name."""

    results: tuple[VmExecResult, ...]


class ExecQuery(Wire):
    """Query of `/ws/exec`."""

    vm_name: str
    """The VM's name or id."""
    agent_id: str | None = None
    """The agent that has it."""


class Run(Command):
    """Text message, caller to agent, the first one: what to run."""

    type: Literal["run"]
    """Tells it from other messages."""
    command: Argv
    """What to run."""
    timeout_s: float = Field(default=3600.0, gt=0, le=86_400)
    """Seconds after which it is ended."""


class StdinEnd(Wire):
    """Text message, caller to agent: there is no more input."""

    type: Literal["stdin-end"]
    """Tells it from other messages."""


class Started(Wire):
    """Text message, agent to caller: the command runs now."""

    type: Literal["started"] = "started"
    """Tells it from other messages."""


class Exited(Wire):
    """Text message, agent to caller, the last one: the command has ended."""

    type: Literal["exit"] = "exit"
    """Tells it from other messages."""
    exit_code: int | None
    """As in `ExecResult`."""
    timed_out: bool
    """As in `ExecResult`."""


class ExecFailed(Wire):
    """Text message, agent to caller, the last one: it could not be run, or its end was not seen."""

    type: Literal["error"] = "error"
    """Tells it from other messages."""
    code: str
    """Name from `errors.py`."""
    detail: str
    """One sentence for a person."""
