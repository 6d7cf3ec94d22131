"""The agent's TOML file, changed by a program and still its operator's: comments and order stay. Blocks."""

from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from batwa_common.settings import SettingsError

from . import disk

PRIVATE = 0o600
"""The file holds the agent's key."""


def change(path: Path, values: Mapping[str, str | bool | None]) -> None:
    """Set *values* in the file, made if need be, and remove those that are None; for its owner only.

    It holds the old or the new content whatever happens. Raises `SettingsError`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        document = tomlkit.parse(path.read_text(encoding="utf-8") if path.exists() else "")
        for name, value in values.items():
            if value is not None:
                document[name] = value
            elif name in document:
                del document[name]
        disk.write_durably(path, tomlkit.dumps(document).encode(), mode=PRIVATE)
    except PermissionError as err:
        raise SettingsError(
            f"{path} cannot be written: use sudo, or name a file of yours in BATWA_AGENT_CONFIG"
        ) from err
    except (OSError, UnicodeDecodeError, TOMLKitError) as err:
        raise SettingsError(f"{path} cannot be changed: {err}") from err
