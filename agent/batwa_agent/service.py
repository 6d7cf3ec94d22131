"""The service manager of this machine, if it has one that knows the agent's unit."""

import shutil
import subprocess
from pathlib import Path

UNIT = "batwa-agent.service"
SYSTEMD = Path("/run/systemd/system")
"""Is there where systemd is the first process: sd_booted(3)."""
CALL_S = 60.0


def enable(file: Path, default: Path, *, systemd: Path = SYSTEMD) -> str:
    """Have the agent run now and after each start of the machine, or return what to type for it. Blocks.

    *file* is where its settings are; a unit reads those in *default* only.
    """
    if file != default:
        return f"Run it with: BATWA_AGENT_CONFIG={file} batwa-agent run"
    if not systemd.is_dir() or shutil.which("systemctl") is None:
        return "systemd does not run here. Run it with: batwa-agent run"
    if _systemctl("cat", UNIT) is not None:
        return f"There is no {UNIT} here (see systemd/ in the sources). Run it with: batwa-agent run"
    for action in ("enable", "restart"):
        if (problem := _systemctl(action, UNIT)) is not None:
            return f"systemctl {action} {UNIT} failed: {problem}. Look with: journalctl -u {UNIT}"
    return f"{UNIT} runs, and will after each start of the machine."


def _systemctl(action: str, unit: str) -> str | None:
    """Return what went wrong; None if nothing did."""
    argv = ["systemctl", action, unit]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=CALL_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as err:
        return str(err)
    return None if done.returncode == 0 else done.stderr.strip() or f"exit status {done.returncode}"
