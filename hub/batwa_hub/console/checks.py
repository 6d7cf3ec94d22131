"""`batwa-hub config` and `check`: what a start would find."""

import argparse
import asyncio
import sys

from batwa_hub.settings import Settings
from batwa_hub.store.database import Database

from .command import Command, key_file
from .process import flags


def _config(settings: Settings, arguments: argparse.Namespace) -> int:
    sys.stdout.write(Settings.example() if arguments.example else settings.in_force(flags(arguments)))
    return 0


def _check(settings: Settings, _arguments: argparse.Namespace) -> int:
    async def open_and_close() -> None:
        await (await Database.open(settings.store_url())).close()

    key_file(settings).open_cipher()
    asyncio.run(open_and_close())
    sys.stdout.write("The settings are valid; the key file and the database can be used.\n")
    return 0


def _takes_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--example", action="store_true", help="print a file that names every default")


COMMANDS = [
    Command(
        "config",
        _config,
        "Show every setting in force and where it comes from; secrets are masked.",
        _takes_config,
    ),
    Command("check", _check, "Check the settings, the key file and the database; makes them where absent."),
]
