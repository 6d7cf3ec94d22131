"""How an operation changes: each change is a revision, and its log stays within bounds. Pure."""

from typing import Any

from batwa_common.errors import BatwaError
from batwa_common.wire.base import utc_now
from batwa_common.wire.operation import LogLine, Operation
from batwa_common.wire.problem import Failure

LOG_LINES = 200
LOG_BYTES = 64 << 10
_LINE_CHARACTERS = 2000


def revised(operation: Operation, *, line: str | None = None, **changes: Any) -> Operation:
    """Return *operation* one revision further, with *changes* and perhaps one more *line*."""
    log = operation.log if line is None else _longer(operation.log, line)
    return operation.model_copy(update={"revision": operation.revision + 1, "log": log, **changes})


def _longer(log: tuple[LogLine, ...], text: str) -> tuple[LogLine, ...]:
    lines = [*log, LogLine(at=utc_now(), text=text[:_LINE_CHARACTERS])][-LOG_LINES:]
    excess = sum(len(line.text.encode()) for line in lines) - LOG_BYTES
    while excess > 0:
        excess -= len(lines.pop(0).text.encode())
    return tuple(lines)


def failure(err: BatwaError) -> Failure:
    """Return *err* as it is kept with an operation."""
    return Failure(code=err.code, status=err.status, detail=str(err))
