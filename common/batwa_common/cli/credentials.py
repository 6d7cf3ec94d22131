"""What `batwa login` keeps: for each hub a token or session, in a file that only its owner reads."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from batwa_common.errors import NotAuthenticated

OTHERS = 0o077


class Login(BaseModel):
    """How to be somebody at one hub."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    username: str
    token: str | None = None
    token_id: str | None = None
    session_id: str | None = None
    ca: str | None = None
    """The hub's own CA, PEM, whose fingerprint was confirmed; None if the system's CAs know it."""


class _File(BaseModel):
    current: str | None = None
    hubs: dict[str, Login] = {}


@dataclass(frozen=True)
class Credentials:
    """All logins, and the hub that is meant when none is named."""

    current: str | None = None
    hubs: Mapping[str, Login] = field(default_factory=dict)

    def with_login(self, url: str, login: Login) -> "Credentials":
        """Return these with *login* at *url*, which becomes the current hub."""
        return Credentials(url, {**self.hubs, url: login})

    def without(self, url: str) -> "Credentials":
        """Return these without the login at *url*."""
        left = {hub: login for hub, login in self.hubs.items() if hub != url}
        current = self.current if self.current in left else next(iter(left), None)
        return Credentials(current, left)


def path() -> Path:
    """Return where the file is: `$XDG_CONFIG_HOME/batwa/credentials.json`."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "batwa" / "credentials.json"


def load(file: Path) -> Credentials:
    """Read the file; none is as an empty one. Raises `NotAuthenticated` if others may read it."""
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            if status.st_mode & OTHERS or status.st_uid != os.getuid():
                raise NotAuthenticated(
                    f"{file} holds secrets and is not yours alone; make it so with: chmod 600 {file}"
                )
            told = _File.model_validate_json(opened.read())
    except FileNotFoundError:
        return Credentials()
    except ValidationError:
        raise NotAuthenticated(f"{file} is damaged; remove it and log in again") from None
    return Credentials(told.current, told.hubs)


def save(file: Path, credentials: Credentials) -> None:
    """Write the file whole or not at all, for its owner only."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = _File(current=credentials.current, hubs=dict(credentials.hubs)).model_dump_json(indent=1)
    handle, partial = tempfile.mkstemp(dir=file.parent, prefix=file.name)  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        Path(partial).replace(file)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(partial).unlink()
        raise
