"""`make run`: a hub and the local agent on this machine, with their state in var/, until Ctrl-C.

Everything is an ordinary command that could be typed by hand; see docs/ for each daemon.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from batwa_common.tls import unverified_context

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
VAR = ROOT / "var"
READY_S = 30.0
STOP_S = 20.0


def say(text: str) -> None:
    """Tell the person at the console."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def multipass() -> str:
    """Return the program that runs the VMs: the real one if it is here, else the simulator."""
    if named := os.environ.get("BATWA_AGENT_MULTIPASS"):
        return named
    if found := shutil.which("multipass"):
        return found
    say("multipass is not installed here, so the VMs are SIMULATED (multipass-sim); see docs/simulator.md.")
    return str(BIN / "multipass-sim")


def settings() -> dict[str, str]:
    """Return the environment of both daemons: what is set already wins."""
    env = dict(os.environ)
    env.setdefault("BATWA_HUB_DATA_DIR", str(VAR / "hub"))
    env.setdefault("BATWA_AGENT_DATA_DIR", str(VAR / "agent"))
    env.setdefault("MULTIPASS_SIM_HOME", str(VAR / "multipass-sim"))
    env.setdefault("BATWA_HUB_HOST", "127.0.0.1")
    env.setdefault("BATWA_HUB_PORT", "8000")
    env.setdefault("BATWA_AGENT_AGENT_ID", env.get("BATWA_HUB_LOCAL_AGENT_ID", "local"))
    host = "127.0.0.1" if env["BATWA_HUB_HOST"] in {"0.0.0.0", "::"} else env["BATWA_HUB_HOST"]  # noqa: S104 -- compared, not bound
    scheme = "https" if env.get("BATWA_HUB_TLS__MODE", "off") != "off" else "http"
    env.setdefault("BATWA_AGENT_HUB_URL", f"{scheme}://{host}:{env['BATWA_HUB_PORT']}")
    if env.get("BATWA_HUB_TLS__MODE") == "auto":
        env.setdefault("BATWA_AGENT_CA", str(Path(env["BATWA_HUB_DATA_DIR"]).absolute() / "tls" / "ca.pem"))
    env["BATWA_AGENT_MULTIPASS"] = multipass()
    return env


def local_key(env: dict[str, str]) -> str:
    """Return the local agent's API key, made at the hub the first time."""
    file = Path(env["BATWA_AGENT_DATA_DIR"]) / "api-key"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [BIN / "batwa-hub", "agent-key", "local", "--agent-id", env["BATWA_AGENT_AGENT_ID"]]
        made = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
        if made.returncode:
            raise SystemExit(made.stderr)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(made.stdout.strip())
    return file.read_text(encoding="utf-8").strip()


def wait_until_ready(url: str, daemon: "subprocess.Popen[bytes]") -> None:
    """Return once *url* answers 200. Exits when *daemon* ends first or takes too long."""
    deadline = time.monotonic() + READY_S
    while daemon.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2, context=unverified_context())  # noqa: S310 -- our own address
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The hub did not start; its messages above say why.")


def stop(daemons: list["subprocess.Popen[bytes]"]) -> None:
    """End the daemons, the agent first, and wait for them."""
    for daemon in reversed(daemons):
        if daemon.poll() is None:
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(STOP_S)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def main() -> int:
    """Run until Ctrl-C, SIGTERM, or the end of one of the two."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    env = settings()
    env["BATWA_AGENT_API_KEY"] = local_key(env)
    url = env["BATWA_AGENT_HUB_URL"]
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        # Their own session: Ctrl-C reaches this program only, which then stops them in order.
        daemons.append(
            subprocess.Popen([BIN / "batwa-hub", "start", "--foreground"], env=env, start_new_session=True)
        )
        wait_until_ready(f"{url}/readyz", daemons[0])
        daemons.append(subprocess.Popen([BIN / "batwa-agent", "run"], env=env, start_new_session=True))
        say(f"\nBatwa is at {url}")
        if not sys.stderr.isatty():  # the hub shows its link at a terminal only, and says so
            link = subprocess.run(
                [BIN / "batwa-hub", "setup-link"], env=env, check=False, capture_output=True
            )
            if link.returncode == 0:
                say(f"That link: {link.stdout.decode().strip()}")
        say(f"Forgotten? BATWA_HUB_DATA_DIR={env['BATWA_HUB_DATA_DIR']} {BIN / 'batwa-hub'} admin-password")
        say("Ctrl-C stops both.\n")
        while all(daemon.poll() is None for daemon in daemons):
            time.sleep(0.2)
    except KeyboardInterrupt:
        say("\nStopping.")
        stop(daemons)
        return 0
    finally:
        stop(daemons)
    say("One of the two has ended; its messages above say why.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
