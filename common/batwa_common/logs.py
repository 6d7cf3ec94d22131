"""One logging pipeline for our code and the libraries': readable on a terminal, JSON elsewhere."""

import logging
import re
import sys
from pathlib import Path

import structlog

_SECRET_QUERY = re.compile(r"((?:session_id|token|api_key|share)=)[^&\s\"']+")


def _scrub(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Remove secrets that a library may have logged as part of a URL."""
    for key, value in event.items():
        if isinstance(value, str) and "=" in value:
            event[key] = _SECRET_QUERY.sub(r"\1…", value)
    return event


def set_up(*, level: str = "info", file: Path | None = None) -> None:
    """Send everything through structlog to stderr, or to *file*, and no longer where it went before."""
    handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler(sys.stderr)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _scrub,
    ]
    readable = file is None and sys.stderr.isatty()
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if readable
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    handlers = logging.getLogger().handlers
    before, handlers[:] = list(handlers), [handler]
    for old in before:
        old.close()
    set_level(level)


def set_level(level: str) -> None:
    """Log from *level* up, from now on."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for chatty in ("sqlalchemy.engine", "aiosqlite", "alembic", "asyncio"):
        logging.getLogger(chatty).setLevel(max(root.level, logging.WARNING))
