"""The commands that look after an agent rather than run it: join, doctor, rotate-key."""

import asyncio
import sys
from pathlib import Path

from batwa_common.errors import BatwaError
from batwa_common.findings import report
from batwa_common.wire.join import JoinTicket

from . import service
from .agent import multipass
from .doctor import Doctor
from .join import JoinFailed, Joining, replace_key
from .settings import Settings

OK, FAILED = 0, 1


async def join(settings: Settings, file: Path, token: str, agent_id: str | None) -> int:
    """Join the hub of *token*, check the whole path, and have the agent run. Raises `SettingsError`."""
    try:
        joined = await Joining(settings, file, agent_id).join(JoinTicket.from_text(token))
    except (JoinFailed, ValueError) as err:
        sys.stderr.write(f"batwa-agent: {err}\n")
        return FAILED
    known = f" ({joined.name})" if joined.name else ""
    _say(f"Joined as {joined.agent_id}{known}; the settings are in {file}.")
    if joined.status == "waiting":
        _say(f"An administrator has to approve it: batwa agent approve {joined.agent_id}")
    settings = Settings.load({})
    report(await Doctor(settings, multipass(settings)).examine(), as_json=False)
    _say(await asyncio.to_thread(service.enable, file, Settings.default_file))
    return OK


async def rotate_key(settings: Settings, file: Path) -> int:
    """Take a new key and restart the service, if there is one. Raises `SettingsError`."""
    try:
        await replace_key(settings, file)
    except BatwaError as err:
        sys.stderr.write(f"batwa-agent: {err}\n")
        return FAILED
    _say(f"{file} has a new key; the old one ends when the agent has been restarted.")
    _say(await asyncio.to_thread(service.enable, file, Settings.default_file))
    return OK


async def doctor(settings: Settings, *, as_json: bool) -> int:
    """Print what each check found; the status is 0 if none found a problem."""
    findings = await Doctor(settings, multipass(settings)).examine()
    return report(findings, as_json=as_json)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
