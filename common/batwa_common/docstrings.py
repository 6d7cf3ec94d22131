"""The docstrings of models' fields, read from the source when somebody asks what the fields mean.

Pydantic would read them as it makes each class, which is a fifth of what starting a daemon takes.
"""

import ast
import inspect
import sys
from functools import cache
from typing import Any


def of_fields(model: type[Any]) -> dict[str, str]:
    """Return what is written below each field of *model*, inherited ones too. Reads its source: blocks."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if each.__module__.partition(".")[0] not in {"builtins", "pydantic", "pydantic_settings"}:
            own = _of_module(each.__module__).get(each.__qualname__, {})
            found = {name: text for name, text in found.items() if name not in own} | own
    return {name: text for name, text in found.items() if text}


@cache
def _of_module(name: str) -> dict[str, dict[str, str]]:
    """Return what is written below each annotated name, by class; a name without is there too, empty."""
    statements = ast.parse(inspect.getsource(sys.modules[name])).body
    return {node.name: dict(_fields(node)) for node in statements if isinstance(node, ast.ClassDef)}


def _fields(node: ast.ClassDef) -> list[tuple[str, str]]:
    return [
        (statement.target.id, _text(below))
        for statement, below in zip(node.body, [*node.body[1:], None], strict=True)
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]


def _text(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return inspect.cleandoc(str(statement.value.value))
    return ""
