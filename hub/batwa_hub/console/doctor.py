"""`batwa-hub doctor`."""

import argparse
import asyncio

from batwa_common import logs
from batwa_common.findings import report
from batwa_hub.doctor import Doctor
from batwa_hub.settings import Settings

from .command import Command


def _doctor(settings: Settings, arguments: argparse.Namespace) -> int:
    logs.set_up(level="error")
    return report(asyncio.run(Doctor(settings).examine()), as_json=arguments.json)


def _takes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


COMMANDS = [Command("doctor", _doctor, "Tell what is wrong with the hub and how to mend it.", _takes)]
