"""`batwa-hub setup-link` and `admin-password`: the first account, and the way back in."""

import argparse
import asyncio
import getpass
import sys
from urllib.parse import urlsplit

from batwa_common import logs
from batwa_common.settings import SettingsError
from batwa_hub.background import find_running
from batwa_hub.services.accounts import ADMIN, Accounts
from batwa_hub.services.first_start import FirstStart
from batwa_hub.services.passwords import Passwords
from batwa_hub.settings import Settings
from batwa_hub.store.database import Database

from .audit import entry
from .command import Command, audit_log, key_file, pid_file


def _setup_link(settings: Settings, _arguments: argparse.Namespace) -> int:
    found = find_running(pid_file(settings))
    if (link := asyncio.run(first_start(settings, port=found and urlsplit(found.url).port))) is None:
        sys.stderr.write("This hub is set up: log in, or see batwa-hub admin-password.\n")
        return 1
    sys.stdout.write(f"{link}\n")
    return 0


def _admin_password(settings: Settings, _arguments: argparse.Namespace) -> int:
    prompted = sys.stdin.isatty()
    password = getpass.getpass("New password of admin: ") if prompted else sys.stdin.readline().rstrip("\n")
    if not 1 <= len(password) <= 1024:
        raise SettingsError("a password has 1 to 1024 characters")

    async def change() -> None:
        async with await Database.open(settings.store_url()) as database:
            await Accounts(database, Passwords()).set_admin_password(password)
            await audit_log(settings, database).record(entry("admin-password", ADMIN))

    logs.set_up(level="warning")
    asyncio.run(change())
    sys.stdout.write("The password of admin is changed; who was logged in as admin has to log in again.\n")
    return 0


async def first_start(settings: Settings, *, port: int | None = None) -> str | None:
    """Make the first account if the settings have its password; else return the link to set one with."""
    cipher = await asyncio.to_thread(key_file(settings).open_cipher)
    async with await Database.open(settings.store_url()) as database:
        accounts = Accounts(database, Passwords())
        if settings.admin_password is not None:
            await accounts.add_first(settings.admin_password.get_secret_value())
        first = FirstStart(accounts, cipher)
        return settings.setup_link(first.new_code(), port=port) if await first.is_open() else None


COMMANDS = [
    Command("setup-link", _setup_link, "Print a link to set the first password of admin, good for a day."),
    Command(
        "admin-password",
        _admin_password,
        "Set the password of admin, typed or from stdin; ends its sessions.",
    ),
]
