"""A machine that is to join a hub, as a person sets it up."""

import json
import subprocess
import tomllib
from typing import Any

from .fleet import BIN, Daemon, Fleet, clean_environment


class Machine:
    """A machine with a simulated Multipass, and nothing set but where things are."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        home = fleet.directory / name
        home.mkdir()
        self.file = home / "agent.toml"
        self.data = home / "data"
        self.env = clean_environment() | {
            "BATWA_AGENT_CONFIG": str(self.file),
            "BATWA_AGENT_DATA_DIR": str(self.data),
            "BATWA_AGENT_HOSTNAME": name,
            "BATWA_AGENT_MULTIPASS": str(BIN / "multipass-sim"),
            "BATWA_AGENT_HEARTBEAT_INTERVAL_S": "0.5",
            "MULTIPASS_SIM_HOME": str(home / "sim"),
            "MULTIPASS_SIM_LAUNCH_S": "0.3",
        }
        self.daemon = Daemon([str(BIN / "batwa-agent"), "run"], self.env, ready="", log=home / "agent.log")
        fleet.agents[name] = self.daemon

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [str(BIN / "batwa-agent"), *words]
        return subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=90, check=False)

    def settings(self) -> dict[str, Any]:
        return tomllib.loads(self.file.read_text())

    def findings(self) -> dict[str, str]:
        return {each["check"]: each["state"] for each in json.loads(self("doctor", "--json").stdout)}
