"""The command `batwa-hub`."""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp.web_exceptions import NotAppKeyWarning

from batwa_common.settings import SettingsError

from .background import BackgroundError
from .backup import BackupError
from .console import accounts, audit, backups, checks, doctor, keys, process
from .owner import as_owner_of
from .secrets import KeyFileUnusable
from .services.processes import OtherAuthority
from .settings import Settings
from .store.migrate import DatabaseUnusable
from .tls.certificates import TlsUnusable

_COMMANDS = [
    *process.COMMANDS,
    *checks.COMMANDS,
    *doctor.COMMANDS,
    *keys.COMMANDS,
    *backups.COMMANDS,
    *audit.COMMANDS,
    *accounts.COMMANDS,
]
_KNOWN = (
    SettingsError,
    BackgroundError,
    BackupError,
    KeyFileUnusable,
    DatabaseUnusable,
    TlsUnusable,
    OtherAuthority,
    OSError,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    # aiohttp-session 2.12 still keeps its state under string keys; may go with its next release
    warnings.filterwarnings("ignore", category=NotAppKeyWarning)
    arguments = _parser().parse_args(argv)
    if arguments.config is not None:
        os.environ["BATWA_HUB_CONFIG"] = str(arguments.config.absolute())
    status = 1
    try:
        settings = Settings.load(process.flags(arguments))
        with as_owner_of(settings.data_dir, only_afterwards=arguments.as_root):
            status = arguments.act(settings, arguments)
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
    for each in _COMMANDS:
        command = commands.add_parser(each.name, help=each.says, description=each.says)
        command.set_defaults(act=each.act, as_root=each.as_root)
        command.add_argument("--config", type=Path, metavar="FILE", help="the TOML file to read")
        each.takes(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
