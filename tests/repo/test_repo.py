"""Promises the repository makes about itself."""

import importlib
import json
import pkgutil
import re
import subprocess
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from pydantic.json_schema import models_json_schema

from batwa_common import wire
from batwa_common.errors import BatwaError
from batwa_common.web.routes import Route
from batwa_common.wire import terminal as wire_terminal
from batwa_common.wire.base import Command, Wire
from batwa_common.wire.terminal import CloseCode
from batwa_hub.api.routes import ROUTES

ROOT = Path(__file__).parents[2]
PARTS = ("common", "hub", "agent")
MAX_LINES = 400
MAX_SUPPRESSIONS = 10
SNAPSHOT = Path(__file__).parent / "wire.json"


def sources() -> list[Path]:
    return [file for part in PARTS for file in (ROOT / part).rglob("*.py")]


def test_the_three_packages_are_one_release() -> None:
    versions = {
        part: tomllib.loads((ROOT / part / "pyproject.toml").read_text())["project"]["version"]
        for part in PARTS
    }

    assert len(set(versions.values())) == 1, versions


def test_no_file_outgrows_a_reader() -> None:
    sizes = {file.relative_to(ROOT): len(file.read_text().splitlines()) for file in sources()}

    assert not {file: lines for file, lines in sizes.items() if lines > MAX_LINES}


def test_every_suppression_has_its_reason_and_there_are_few() -> None:
    found = [
        (file.name, line.strip())
        for file in sources()
        for line in file.read_text().splitlines()
        if re.search(r"#\s*(noqa|type:\s*ignore)", line)
    ]

    assert len(found) <= MAX_SUPPRESSIONS, found
    assert all(re.search(r"(noqa: \w+ -- \S|ignore\[[\w-]+\]  # \S)", line) for _, line in found), found


def shapes() -> list[type[Wire]]:
    names = [module.name for module in pkgutil.iter_modules(wire.__path__)]
    found = {
        value
        for module in (importlib.import_module(f"{wire.__name__}.{name}") for name in names)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Wire) and value.__module__.startswith(wire.__name__)
    }
    return sorted(found - {Wire, Command}, key=lambda shape: shape.__name__)


def test_a_change_of_the_wire_is_a_visible_diff(request: pytest.FixtureRequest) -> None:
    modes = [(s, "validation" if issubclass(s, Command) else "serialization") for s in shapes()]
    _, schema = models_json_schema(modes)
    now = json.dumps(schema["$defs"], indent=1, sort_keys=True) + "\n"
    if request.config.getoption("--write-snapshots"):
        SNAPSHOT.write_text(now)

    assert now == SNAPSHOT.read_text(), "look at the difference, then: pytest tests/repo --write-snapshots"


def documented_text() -> str:
    return "\n".join(file.read_text() for file in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_in_the_documentation(route: Route) -> None:
    assert f"{route.method} {route.path}" in documented_text().replace("`", "")


@pytest.mark.parametrize("code", BatwaError.by_code)
def test_every_error_code_is_in_the_documentation(code: str) -> None:
    assert f"`{code}`" in documented_text()


@pytest.mark.parametrize("code", CloseCode)
def test_every_close_code_is_in_the_protocol(code: CloseCode) -> None:
    assert f"| {code.value} |" in (ROOT / "docs" / "protocol.md").read_text()


CONTROL = [
    m
    for m in vars(wire_terminal).values()
    if isinstance(m, type) and issubclass(m, Wire) and "type" in m.model_fields
]


@pytest.mark.parametrize("message", CONTROL, ids=lambda message: message.__name__)
def test_every_control_message_is_in_the_protocol(message: type[Wire]) -> None:
    kind = get_args(message.model_fields["type"].annotation)[0]
    lines = [
        li for li in (ROOT / "docs" / "protocol.md").read_text().splitlines() if f'"type": "{kind}"' in li
    ]
    assert any(all(f'"{name}"' in line for name in message.model_fields) for line in lines), kind


def test_every_error_says_when_it_happens() -> None:
    for cls in BatwaError.by_code.values():
        assert cls.__doc__
        assert 400 <= cls.status < 600


def test_nothing_names_where_packages_come_from_or_where_this_was_built() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    files = [ROOT / name for name in listed.stdout.splitlines() if "recordings" not in name]
    words = re.compile("|".join(["pypi" + r"\.", "registry" + r"\.npm", "file" + ":///opt", "/wo" + "rk/"]))

    assert not [f for f in files if f.suffix != ".png" and words.search(f.read_text(errors="replace"))]


def test_migrations_are_one_line() -> None:
    versions = sorted((ROOT / "hub/batwa_hub/store/migrations/versions").glob("m[0-9]*.py"))
    text = [path.read_text() for path in versions]
    expected = [f"{number:04}" for number in range(1, len(versions) + 1)]
    assert [path.name[1:5] for path in versions] == expected
    assert [each.partition('\nrevision = "')[2][:4] for each in text] == expected
