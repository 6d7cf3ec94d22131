"""What a person typed, as a command of the API."""

from collections.abc import Mapping
from typing import TypeVar

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from batwa_common.wire.base import Wire

W = TypeVar("W", bound=Wire)


def built(shape: type[W], values: Mapping[str, object]) -> W:
    """Return *values* as *shape*; what is wrong with them is a wrong command line."""
    try:
        return shape.model_validate(values)
    except ValidationError as err:
        wrong = err.errors(include_url=False, include_context=False)
        raise typer.BadParameter("; ".join(map(_sentence, wrong))) from None


def _sentence(problem: ErrorDetails) -> str:
    where = ".".join(map(str, problem["loc"]))
    if problem["type"] == "string_pattern_mismatch":
        return f"{problem['input']!r} is no {where}; it has characters that are not allowed there"
    return f"{where}: {problem['msg'].removeprefix('Value error, ')}"


def pairs(given: list[str] | None) -> dict[str, str]:
    """Return KEY=VALUE words as a dictionary."""
    found = {}
    for word in given or ():
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise typer.BadParameter(f"{word!r} is not KEY=VALUE")
        found[key] = value
    return found
