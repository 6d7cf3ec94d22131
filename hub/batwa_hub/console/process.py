"""`batwa-hub start`, `status`, `stop`, `restart`: the hub as a process of this machine."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import structlog

from batwa_common import logs
from batwa_common.errors import Unavailable
from batwa_common.service_manager import ServiceManager
from batwa_common.settings import SettingsError
from batwa_common.web.serve import run
from batwa_hub import app, background
from batwa_hub.services.accounts import ADMIN
from batwa_hub.services.processes import processes_of
from batwa_hub.settings import TLS_MODES, Settings
from batwa_hub.store.database import Database
from batwa_hub.store.migrate import DatabaseUnusable

from .accounts import first_start
from .command import Command, pid_file

log = structlog.stdlib.get_logger(__name__)

NOT_RUNNING = 3
"""Exit status of `status` when no hub runs, as init scripts have it."""


def flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the command line gives; None where it gives none."""
    log_file = arguments.log_file and arguments.log_file.absolute()
    return {
        "host": arguments.host,
        "port": arguments.port,
        "tls": arguments.tls and {"mode": arguments.tls},
        "log_file": log_file,
        "log_level": "debug" if arguments.debug else None,
    }


def _start(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.foreground:
        manager = ServiceManager.of(os.environ, os.getpid())
        sockets = manager.take_sockets()
        given, settings = settings, settings.listening_with(sockets)

        def read_again() -> Settings:
            return Settings.load(flags(arguments)).listening_with(sockets)

        service = manager.unit
        units = f"{service.replace('.service', '.socket')} {service}" if service and sockets else service
        with background.only_one(pid_file(settings), settings.own_url(), units):
            logs.set_up(level=settings.log_level, file=settings.log_file)
            if overruled := given.differences(settings) & given.model_fields_set:
                log.warning(
                    "settings.overruled", settings=sorted(overruled), by="the service manager's socket"
                )
            run(app.main(settings, read_again, manager, sockets))
        return 0
    return _begin(settings, arguments)


def _begin(settings: Settings, arguments: argparse.Namespace) -> int:
    if not settings.port:
        raise SettingsError("port 0 works with --foreground only: nobody would know where the hub listens")
    file, url = pid_file(settings), settings.own_url()
    log_file = settings.log_file or settings.data_dir.absolute() / "hub.log"
    background.refuse_second(file)
    link = asyncio.run(first_start(settings))
    again = [
        f"--{flag}={value}"
        for flag in ("host", "port", "tls")
        if (value := getattr(arguments, flag)) is not None
    ]
    again += ["--debug"] if arguments.debug else []
    again += [f"--log-file={settings.log_file}"] if arguments.log_file else []
    started = background.start(again, pid_file=file, log_file=log_file, url=url)
    sys.stdout.write(f"The hub runs at {url} (process {started.pid}, log {log_file}).\n")
    if link is not None:
        sys.stdout.write(f"First start. To set the password of {ADMIN}, open {link}\n")
    return 0


def _status(settings: Settings, _arguments: argparse.Namespace) -> int:
    if (found := background.find_running(pid_file(settings))) is None:
        sys.stdout.write(f"No hub runs with {settings.data_dir}.\n")
        return NOT_RUNNING
    ready = background.is_ready(found.url)
    sys.stdout.write(f"The hub runs at {found.url} (process {found.pid}), {'' if ready else 'not '}ready.\n")
    if settings.database_url is not None:
        logs.set_up(level="error")
        asyncio.run(_tell_processes(settings))
    return 0 if ready else 1


async def _tell_processes(settings: Settings) -> None:
    """Print all that share the database, which stays as it is: another version may have made it."""
    try:
        async with await Database.open(settings.store_url(), as_it_is=True) as database:
            found = await processes_of(database)
    except (DatabaseUnusable, Unavailable) as err:
        sys.stdout.write(f"Its other processes cannot be told: {err}\n")
        return
    for each in found:
        since = each.started_at.astimezone().isoformat(" ", "seconds")
        sys.stdout.write(
            f"  {each.url or 'starting'}  {each.version}  since {since}"
            f"  seen {each.silence_s:.0f} s ago  links: {each.links}\n"
        )


def _stop(settings: Settings, _arguments: argparse.Namespace) -> int:
    if (stopped := background.stop(pid_file(settings))) is None:
        sys.stdout.write(f"No hub runs with {settings.data_dir}.\n")
    else:
        sys.stdout.write(f"The hub (process {stopped.pid}) has stopped.\n")
    return 0


def _restart(settings: Settings, arguments: argparse.Namespace) -> int:
    background.stop(pid_file(settings))
    return _begin(settings, arguments)


def _takes_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="TCP port to listen on")
    parser.add_argument("--tls", choices=TLS_MODES, help="HTTPS by the hub itself")
    parser.add_argument("--debug", action="store_true", help="log everything")
    parser.add_argument("--log-file", type=Path, metavar="FILE", help="where to log")


def _takes_start(parser: argparse.ArgumentParser) -> None:
    _takes_flags(parser)
    parser.add_argument("--foreground", action="store_true", help="stay here, for a service manager")


COMMANDS = [
    Command("start", _start, "Start the hub, in the background unless told otherwise.", _takes_start),
    Command("status", _status, "Tell whether the hub runs and can do its work."),
    Command("stop", _stop, "Stop the hub in good order."),
    Command("restart", _restart, "Stop the hub if it runs, and start it in the background.", _takes_flags),
]
