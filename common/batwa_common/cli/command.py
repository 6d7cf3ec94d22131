"""What a person typed, as a command of the API."""

from collections.abc import Mapping
from typing import TypeVar

import typer
from pydantic import ValidationError

from batwa_common.wire.base import Wire

W = TypeVar("W", bound=Wire)


def built(shape: type[W], values: Mapping[str, object]) -> W:
    """Return *values* as *shape*; what is wrong with them is a wrong command line."""
    try:
        return shape.model_validate(values)
    except ValidationError as err:
        told = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in err.errors(include_url=False, include_input=False, include_context=False)
        )
        raise typer.BadParameter(told) from None


def pairs(given: list[str] | None) -> dict[str, str]:
    """Return KEY=VALUE words as a dictionary."""
    found = {}
    for word in given or ():
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise typer.BadParameter(f"{word!r} is not KEY=VALUE")
        found[key] = value
    return found
