"""The manual of the agent says what is so."""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from batwa_agent.api import ROUTES
from batwa_agent.settings import Settings

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs/agent.md").read_text()


def names_in(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from names_in(field.annotation, f"{above}{name}.")
        else:
            yield above + name


def test_every_setting_is_in_the_manual_and_no_other() -> None:
    table = MANUAL.partition("## Settings")[2].partition("## ")[0]
    assert re.findall(r"^\| `([a-z_.]+)`", table, re.MULTILINE) == list(names_in(Settings))


def test_every_route_is_in_the_manual() -> None:
    for route in ROUTES:
        *_, verb = route.path.split("/")
        assert f"{route.method} {route.path}" in MANUAL or f"`{verb}`" in MANUAL, route


def test_every_module_is_in_the_readme() -> None:
    readme = (ROOT / "agent/README.md").read_text()
    package = ROOT / "agent/batwa_agent"
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    for folder in ("multipass", "inventory", "operations", "exec", "recordings"):
        modules |= {path.stem for path in (package / folder).glob("*.py")} - {"__init__"}
    folders = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()}
    assert not {name for name in modules | folders if f"`{name}`" not in readme}
