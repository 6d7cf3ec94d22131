"""`batwa-hub audit`, and how what is done at this machine gets into the audit log."""

import argparse
import asyncio
import getpass
import os
import re
import sys

from batwa_common import logs
from batwa_common.settings import SettingsError
from batwa_common.wire.audit import AuditEntry, AuditFilter
from batwa_hub.services.audit.audit import Audit
from batwa_hub.services.audit.chain import ChainBroken, Head
from batwa_hub.settings import Settings
from batwa_hub.store.database import Database

from .command import Command, audit_log


def entry(command: str, target: str, *, agent_id: str | None = None) -> AuditEntry:
    """Return the entry for a command that has just been carried out by who is logged in here."""
    return AuditEntry(
        who=_who(),
        how="console",
        action=f"batwa-hub {command}",
        target=target,
        agent_id=agent_id,
        outcome="done",
    )


def _audit(settings: Settings, arguments: argparse.Namespace) -> int:
    async def act() -> int:
        async with await Database.open(settings.store_url()) as database:
            if arguments.what == "verify":
                return await _verify(audit_log(settings, database), arguments.head)
            return await _export(audit_log(settings, database))

    logs.set_up(level="warning")
    return asyncio.run(act())


async def _verify(audit: Audit, head: str | None) -> int:
    """Check the log, tell what was found, and return the exit status. Raises `SettingsError`."""
    try:
        chain = await audit.verify(_head(head))
    except ChainBroken as err:
        sys.stdout.write(f"The audit log was tampered with: {err}.\n")
        return 1
    told = f"{chain.head.id}:{chain.head.hash}"
    sys.stdout.write(f"The audit log is whole: {chain.count} records, the last is {told}\n")
    if not chain.has_expected:
        sys.stdout.write(f"It says nothing of {head}, which was removed with all before it.\n")
        return 1
    return 0


async def _export(audit: Audit) -> int:
    """Print every record, one a line, oldest first."""
    async for page in audit.pages(AuditFilter()):
        sys.stdout.writelines(f"{record.model_dump_json()}\n" for record in page)
    return 0


def _who() -> str:
    try:
        return getpass.getuser()
    except KeyError:  # a user without a name, as in containers
        return f"uid {os.getuid()}"


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    if (found := re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text)) is None:
        raise SettingsError("--head is ID:HASH, as an earlier `batwa-hub audit verify` has told it")
    return Head(int(found[1]), found[2])


def _takes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["verify", "export"], help="check the log, or print it")
    parser.add_argument("--head", metavar="ID:HASH", help="what an earlier `verify` has told")


COMMANDS = [
    Command(
        "audit",
        _audit,
        "Check that nobody has changed the audit log (exit status 1 if so), or print it.",
        _takes,
    )
]
