"""The command `batwa-hub`."""

import argparse
import asyncio
import getpass
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aiohttp.web_exceptions import NotAppKeyWarning
from pydantic import ValidationError

from batwa_common import logs
from batwa_common.service_manager import ServiceManager
from batwa_common.settings import SettingsError
from batwa_common.web.serve import run
from batwa_common.wire.agent import NewAgentKey

from . import app, background, console
from .background import BackgroundError
from .rotation import rotate
from .secrets import KeyFile, KeyFileUnusable
from .services.accounts import ADMIN, Accounts
from .services.audit.audit import Audit
from .services.first_start import FirstStart
from .services.keys import AgentKeys
from .services.passwords import Passwords
from .services.reencryption import Reencrypted
from .settings import TLS_MODES, Settings
from .store.database import Database
from .store.migrate import DatabaseUnusable
from .tls.certificates import OwnAuthority, TlsUnusable
from .tls.command import CA_ACTIONS, ca_command

NOT_RUNNING = 3
"""Exit status of `status` when no hub runs, as init scripts have it."""

_KNOWN = (SettingsError, BackgroundError, KeyFileUnusable, DatabaseUnusable, TlsUnusable, OSError)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    # aiohttp-session 2.12 still keeps its state under string keys; may go with its next release
    warnings.filterwarnings("ignore", category=NotAppKeyWarning)
    arguments = _parser().parse_args(argv)
    if arguments.config is not None:
        os.environ["BATWA_HUB_CONFIG"] = str(arguments.config.absolute())
    status = 1
    try:
        status = arguments.act(Settings.load(_flags(arguments)), arguments)
    except* _KNOWN as group:
        for error in _leaves(group):
            sys.stderr.write(f"batwa-hub: {error}\n")
    return status


def _leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    found: list[BaseException] = []
    for each in group.exceptions:
        found += _leaves(each) if isinstance(each, BaseExceptionGroup) else [each]
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="batwa-hub", description="The Batwa hub.")
    parser.set_defaults(host=None, port=None, tls=None, debug=False, log_file=None)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, act, says in _COMMANDS:
        command = commands.add_parser(name, help=says, description=says)
        command.set_defaults(act=act)
        command.add_argument("--config", type=Path, metavar="FILE", help="the TOML file to read")
        if name in {"start", "restart"}:
            command.add_argument("--host", help="address to listen on")
            command.add_argument("--port", type=int, help="TCP port to listen on")
            command.add_argument("--tls", choices=TLS_MODES, help="HTTPS by the hub itself")
            command.add_argument("--debug", action="store_true", help="log everything")
            command.add_argument("--log-file", type=Path, metavar="FILE", help="where to log")
        if name == "start":
            command.add_argument("--foreground", action="store_true", help="stay here, for a service manager")
        if name == "ca":
            command.add_argument(
                "what", choices=CA_ACTIONS, help="show it, replace it, or forget earlier ones"
            )
        if name == "secrets":
            command.add_argument("what", choices=["rotate"], help="encrypt them with a new key")
        if name == "audit":
            command.add_argument("what", choices=["verify", "export"], help="check the log, or print it")
            command.add_argument("--head", metavar="ID:HASH", help="what an earlier `verify` has told")
        if name == "agent-key":
            command.add_argument("name", help="what people call the key")
            command.add_argument("--agent-id", help="the agent it is for; else the first that uses it")
    return parser


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
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
        settings = settings.listening_with(sockets)

        def read_again() -> Settings:
            return Settings.load(_flags(arguments)).listening_with(sockets)

        with background.only_one(_pid_file(settings), settings.own_url()):
            logs.set_up(level=settings.log_level, file=settings.log_file)
            run(app.main(settings, read_again, manager, sockets))
        return 0
    return _start_in_background(settings, arguments)


def _start_in_background(settings: Settings, arguments: argparse.Namespace) -> int:
    if not settings.port:
        raise SettingsError("port 0 works with --foreground only: nobody would know where the hub listens")
    pid_file, url = _pid_file(settings), settings.own_url()
    log_file = settings.log_file or settings.data_dir.absolute() / "hub.log"
    background.refuse_second(pid_file)
    link = asyncio.run(_first_start(settings))
    again = [
        f"--{flag}={value}"
        for flag in ("host", "port", "tls")
        if (value := getattr(arguments, flag)) is not None
    ]
    again += ["--debug"] if arguments.debug else []
    again += [f"--log-file={settings.log_file}"] if arguments.log_file else []
    started = background.start(again, pid_file=pid_file, log_file=log_file, url=url)
    sys.stdout.write(f"The hub runs at {url} (process {started.pid}, log {log_file}).\n")
    if link is not None:
        sys.stdout.write(f"First start. To set the password of {ADMIN}, open {link}\n")
    return 0


def _status(settings: Settings, _arguments: argparse.Namespace) -> int:
    if (found := background.find_running(_pid_file(settings))) is None:
        sys.stdout.write(f"No hub runs with {settings.data_dir}.\n")
        return NOT_RUNNING
    ready = background.is_ready(found.url)
    sys.stdout.write(f"The hub runs at {found.url} (process {found.pid}), {'' if ready else 'not '}ready.\n")
    return 0 if ready else 1


def _stop(settings: Settings, _arguments: argparse.Namespace) -> int:
    if (stopped := background.stop(_pid_file(settings))) is None:
        sys.stdout.write(f"No hub runs with {settings.data_dir}.\n")
    else:
        sys.stdout.write(f"The hub (process {stopped.pid}) has stopped.\n")
    return 0


def _restart(settings: Settings, arguments: argparse.Namespace) -> int:
    background.stop(_pid_file(settings))
    return _start_in_background(settings, arguments)


def _config(settings: Settings, arguments: argparse.Namespace) -> int:
    for name, value, origin in settings.origins(_flags(arguments)):
        sys.stdout.write(f"{name} = {value}  ({origin})\n")
    return 0


def _check(settings: Settings, _arguments: argparse.Namespace) -> int:
    async def open_and_close() -> None:
        await (await Database.open(settings.store_url())).close()

    _key_file(settings).open_cipher()
    asyncio.run(open_and_close())
    sys.stdout.write("The settings are valid; the key file and the database can be used.\n")
    return 0


def _agent_key(settings: Settings, arguments: argparse.Namespace) -> int:
    try:
        asked = NewAgentKey(name=arguments.name, agent_id=arguments.agent_id)
    except ValidationError as err:
        problem = err.errors()[0]
        raise SettingsError(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}") from err

    async def issue() -> str:
        cipher = await asyncio.to_thread(_key_file(settings).open_cipher)
        async with await Database.open(settings.store_url()) as database:
            issued = await AgentKeys(database, cipher).issue(asked.name, asked.agent_id)
            done = console.entry("agent-key", asked.name, agent_id=asked.agent_id)
            await _audit_log(settings, database).record(done)
            return issued.api_key

    logs.set_up(level="warning")
    sys.stdout.write(asyncio.run(issue()) + "\n")
    sys.stderr.write("Set it as BATWA_AGENT_API_KEY on the agent's machine; it is not shown again.\n")
    return 0


def _audit(settings: Settings, arguments: argparse.Namespace) -> int:
    async def act() -> int:
        async with await Database.open(settings.store_url()) as database:
            if arguments.what == "verify":
                return await console.verify(_audit_log(settings, database), arguments.head)
            return await console.export(_audit_log(settings, database))

    logs.set_up(level="warning")
    return asyncio.run(act())


def _secrets(settings: Settings, _arguments: argparse.Namespace) -> int:
    key_file = _key_file(settings)

    async def act() -> Reencrypted:
        async with await Database.open(settings.store_url()) as database:
            done = await rotate(key_file, database)
            await _audit_log(settings, database).record(console.entry("secrets rotate", key_file.path.name))
            return done

    logs.set_up(level="warning")
    with background.only_one(_pid_file(settings), "nowhere: secrets are being rotated"):
        result = asyncio.run(act())
    sys.stdout.write(f"{result.done} secrets are encrypted with the first key of {key_file.path}.\n")
    if result.lost:
        sys.stdout.write(f"{result.lost} cannot be decrypted; the old keys are kept. Make those anew.\n")
    return 1 if result.lost else 0


def _admin_password(settings: Settings, _arguments: argparse.Namespace) -> int:
    prompted = sys.stdin.isatty()
    password = getpass.getpass("New password of admin: ") if prompted else sys.stdin.readline().rstrip("\n")
    if not 1 <= len(password) <= 1024:
        raise SettingsError("a password has 1 to 1024 characters")

    async def change() -> None:
        async with await Database.open(settings.store_url()) as database:
            await Accounts(database, Passwords()).set_admin_password(password)
            await _audit_log(settings, database).record(console.entry("admin-password", ADMIN))

    logs.set_up(level="warning")
    asyncio.run(change())
    sys.stdout.write("The password of admin is changed; who was logged in as admin has to log in again.\n")
    return 0


def _ca(settings: Settings, arguments: argparse.Namespace) -> int:
    sys.stdout.write(ca_command(OwnAuthority(settings.data_dir.absolute() / "tls"), arguments.what))
    background.tell_to_look(_pid_file(settings))
    if arguments.what != "show":
        asyncio.run(_noted(settings, f"ca {arguments.what}", "tls"))
    return 0


async def _noted(settings: Settings, command: str, target: str) -> None:
    async with await Database.open(settings.store_url()) as database:
        await _audit_log(settings, database).record(console.entry(command, target))


def _setup_link(settings: Settings, _arguments: argparse.Namespace) -> int:
    if (link := asyncio.run(_first_start(settings))) is None:
        sys.stderr.write("This hub is set up: log in, or see batwa-hub admin-password.\n")
        return 1
    sys.stdout.write(f"{link}\n")
    return 0


async def _first_start(settings: Settings) -> str | None:
    """Make the first account if the settings have its password; else return the link to set one with."""
    cipher = await asyncio.to_thread(_key_file(settings).open_cipher)
    async with await Database.open(settings.store_url()) as database:
        accounts = Accounts(database, Passwords())
        if settings.admin_password is not None:
            await accounts.add_first(settings.admin_password.get_secret_value())
        first = FirstStart(accounts, cipher)
        return settings.setup_link(first.new_code()) if await first.is_open() else None


def _audit_log(settings: Settings, database: Database) -> Audit:
    return Audit(database, keep=settings.audit.keep, keep_days=settings.audit.keep_days)


def _pid_file(settings: Settings) -> Path:
    return settings.data_dir.absolute() / "hub.pid"


def _key_file(settings: Settings) -> KeyFile:
    return KeyFile.find(settings.data_dir.absolute())


_COMMANDS: list[tuple[str, Callable[[Settings, argparse.Namespace], int], str]] = [
    ("start", _start, "Start the hub, in the background unless told otherwise."),
    ("status", _status, "Tell whether the hub runs and can do its work."),
    ("stop", _stop, "Stop the hub in good order."),
    ("restart", _restart, "Stop the hub if it runs, and start it in the background."),
    ("config", _config, "Show every setting in force and where it comes from; secrets are masked."),
    ("check", _check, "Check the settings, the key file and the database; makes them where absent."),
    ("agent-key", _agent_key, "Make an API key for an agent and print it: the only time it is shown."),
    ("ca", _ca, "The hub's own certificate authority: show, rotate or retire."),
    ("secrets", _secrets, "Give what the database holds encrypted a new key, while the hub is stopped."),
    ("audit", _audit, "Check that nobody has changed the audit log (exit status 1 if so), or print it."),
    ("setup-link", _setup_link, "Print a link to set the first password of admin, good for a day."),
    ("admin-password", _admin_password, "Set the password of admin, typed or from stdin; ends its sessions."),
]

if __name__ == "__main__":
    sys.exit(main())
