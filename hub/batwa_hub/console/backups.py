"""`batwa-hub backup` and `restore`."""

import argparse
import asyncio
import sys
from pathlib import Path

from batwa_common import logs
from batwa_hub import background
from batwa_hub.backup import Content, back_up, restore
from batwa_hub.settings import Settings
from batwa_hub.store.database import Database

from .audit import entry
from .command import Command, audit_log, pid_file


def _backup(settings: Settings, arguments: argparse.Namespace) -> int:
    async def act() -> Content:
        async with await Database.open(settings.store_url()) as database:
            where = settings.data_dir.absolute()
            made = await back_up(database, where, arguments.file, with_keys=not arguments.without_keys)
            await audit_log(settings, database).record(entry("backup", str(arguments.file)))
            return made

    logs.set_up(level="warning")
    made = asyncio.run(act())
    size_kib = arguments.file.stat().st_size >> 10
    keys = ", ".join(made.manifest.keys) or "no keys: keep secret.key elsewhere"
    sys.stdout.write(f"{arguments.file}: {made.rows} rows, {keys}; {size_kib} KiB.\n")
    return 0


def _restore(settings: Settings, arguments: argparse.Namespace) -> int:
    async def act() -> Content:
        async with await Database.open(settings.store_url()) as database:
            where = settings.data_dir.absolute()
            done = await restore(database, where, arguments.file, replace=arguments.replace)
            await audit_log(settings, database).record(entry("restore", str(arguments.file)))
            return done

    logs.set_up(level="warning")
    with background.only_one(pid_file(settings), "nowhere: a backup is being restored"):
        done = asyncio.run(act())
    when = f"{done.manifest.created_at:%Y-%m-%d %H:%M} UTC, Batwa {done.manifest.version}"
    sys.stdout.write(f"Restored {done.rows} rows from {when}. Everybody has to log in again.\n")
    return 0


def _takes_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="where to write it; one that is there is replaced")
    parser.add_argument("--without-keys", action="store_true", help="leave out secret.key and the like")


def _takes_restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="what `backup` has written")
    parser.add_argument("--replace", action="store_true", help="lose what is there now")


COMMANDS = [
    Command(
        "backup",
        _backup,
        "Write everything the hub knows to a file, while it runs.",
        _takes_backup,
        as_root=True,
    ),
    Command(
        "restore",
        _restore,
        "Make this hub, stopped, what a backup says it was.",
        _takes_restore,
        as_root=True,
    ),
]
