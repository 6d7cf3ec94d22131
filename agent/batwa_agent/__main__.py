"""The command `batwa-agent`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from batwa_common import logs
from batwa_common.reload import Reload
from batwa_common.service_manager import ServiceManager
from batwa_common.settings import SettingsError
from batwa_common.web.serve import Serving, run, serve
from batwa_common.wire.agent import DriverStatus

from . import commands, config_file
from .agent import VERSION, key_of, multipass, running
from .app import make_app
from .metrics import AgentMetrics
from .reload import changes
from .settings import Settings

log = structlog.stdlib.get_logger(__name__)

OK, FAILED, BAD_SETTINGS = 0, 1, 2
OURS = frozenset({"command", "token", "json", "example"})
"""Arguments that are no settings."""

_EPILOG = """\
Every setting has three more places: the environment (BATWA_AGENT_HUB_URL, BATWA_AGENT_API_KEY,
BATWA_AGENT_DRIVER__POLL_S, ...), systemd credentials, and the file /etc/batwa/agent.toml or the one that
BATWA_AGENT_CONFIG names. Flags win over the environment, that over credentials, those over the file.
`batwa-agent config` shows what is in force and where each value comes from."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = _parser().parse_args(argv)
    flags = {name: value for name, value in vars(arguments).items() if name not in OURS}
    try:
        if arguments.command == "join":
            config_file.change(_file(), {})  # so that a file that is named may be a new one
        settings = Settings.load(flags)
        match arguments.command:
            case "run":
                return _run(settings, flags)
            case "join":
                return asyncio.run(commands.join(settings, _file(), arguments.token, flags["agent_id"]))
            case "rotate-key":
                return asyncio.run(commands.rotate_key(settings, _file()))
            case "doctor":
                return asyncio.run(commands.doctor(settings, as_json=arguments.json))
            case "check":
                return _check(settings)
            case _:
                return _config(settings, flags, example=arguments.example)
    except SettingsError as err:
        sys.stderr.write(f"batwa-agent: {err}\n")
        return BAD_SETTINGS


def _file() -> Path:
    """Return the file that joining writes: the one that the agent will read."""
    return Path(os.environ.get("BATWA_AGENT_CONFIG") or Settings.default_file)


def _run(settings: Settings, flags: Mapping[str, Any]) -> int:
    key_of(settings)
    logs.set_up(level=settings.log_level, file=settings.log_file)
    try:
        manager = ServiceManager.of(os.environ, os.getpid())
        run(_serve(settings, partial(Settings.load, flags), manager))
    except OSError as err:
        sys.stderr.write(f"batwa-agent: {err}\n")
        return FAILED
    except BaseExceptionGroup:
        log.exception("daemon.died")
        return FAILED
    return OK


async def _serve(settings: Settings, read_again: Callable[[], Settings], manager: ServiceManager) -> None:
    metrics = AgentMetrics(VERSION)
    async with running(settings, multipass(settings, metrics.call), manager, metrics) as agent:

        async def begun(serving: Serving) -> None:
            agent.serving.set_result(serving)

        await serve(
            make_app(agent),
            host=settings.host if settings.listens else None,
            port=settings.port,
            ready=begun,
            manager=manager,
            status=agent.status,
            reload=Reload(settings, read_again, changes(agent)).now,
        )


def _check(settings: Settings) -> int:
    key_of(settings)
    status = asyncio.run(_status(settings))
    kind = "simulated VMs" if status.simulated else "real VMs"
    sys.stdout.write(f"settings   good (agent '{settings.agent_id}', hub {settings.hub_url or 'none'})\n")
    sys.stdout.write(f"multipass  {settings.multipass}, version {status.version or 'unknown'}, {kind}\n")
    if status.problem is not None:
        sys.stdout.write(f"problem    {status.problem}\n")
        return FAILED
    return OK


async def _status(settings: Settings) -> DriverStatus:
    return await multipass(settings).status()


def _config(settings: Settings, flags: Mapping[str, Any], *, example: bool) -> int:
    sys.stdout.write(Settings.example() if example else settings.in_force(flags))
    return OK


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=None)
    common.add_argument("--agent-id", metavar="ID", help="the id this machine has at the hub")
    common.add_argument("--hub-url", metavar="URL", help="the hub, http://host:port")
    common.add_argument("--api-key", metavar="KEY", help="this agent's key; better given in the environment")
    common.add_argument("--host", metavar="ADDRESS", help="address to listen on (127.0.0.1)")
    common.add_argument("--port", type=int, metavar="PORT", help="port to listen on (8001)")
    common.add_argument("--api-url", metavar="URL", help="where the hub reaches this agent")
    common.add_argument(
        "--heartbeat-interval",
        dest="heartbeat_interval_s",
        type=float,
        metavar="SECONDS",
        help="time between heartbeats (10)",
    )
    parser = argparse.ArgumentParser(
        prog="batwa-agent",
        description="Drives Multipass on this machine for a Batwa hub.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"batwa-agent {VERSION}")
    subcommands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in (
        ("run", "serve until SIGTERM or Ctrl-C"),
        ("join", "join the hub that made TOKEN: get an identity, write the settings, check, and run"),
        ("doctor", "name what is wrong between Multipass, this machine and the hub; exit 0 if nothing is"),
        ("rotate-key", "take a new key; the old one ends when the agent is restarted"),
        ("config", "show the settings in force and where each comes from; secrets are masked"),
        ("check", "say whether the settings are good and Multipass answers; exit 0 if both"),
    ):
        command = subcommands.add_parser(
            name, parents=[common], help=what, description=what.capitalize() + "."
        )
        if name == "join":
            command.add_argument("token", metavar="TOKEN", help="what `batwa agent add` printed")
        if name == "config":
            command.add_argument("--example", action="store_true", help="print a file with every default")
        if name == "doctor":
            command.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
