"""The agent's TOML file, changed by a program and still its operator's: comments and order stay. Blocks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from batwa_common.settings import SettingsError

from . import disk

PRIVATE = 0o600
"""The file holds the agent's key."""


def change(path: Path, values: Mapping[str, Any]) -> None:
    """Set *values* in the file, made if need be, and remove those that are None; for its owner only.

    A name with dots is that of a setting in a section.

    It holds the old or the new content whatever happens. Raises `SettingsError`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        document = tomlkit.parse(path.read_text(encoding="utf-8") if path.exists() else "")
        for full_name, value in values.items():
            *sections, name = full_name.split(".")
            table: Any = document
            for section in sections:
                table = table.setdefault(section, {})
            if value is not None:
                table[name] = value
            elif name in table:
                del table[name]
        disk.write_durably(path, tomlkit.dumps(document).encode(), mode=PRIVATE)
    except PermissionError as err:
        raise SettingsError(
            f"{path} cannot be written: use sudo, or name a file of yours in BATWA_AGENT_CONFIG"
        ) from err
    except (OSError, UnicodeDecodeError, TOMLKitError) as err:
        raise SettingsError(f"{path} cannot be changed: {err}") from err
