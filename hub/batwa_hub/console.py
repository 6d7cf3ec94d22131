"""What `batwa-hub` does with the audit log of its machine, and how its own doings get there."""

import getpass
import os
import re
import sys

from batwa_common.settings import SettingsError
from batwa_common.wire.audit import AuditEntry, AuditFilter

from .services.audit.audit import Audit
from .services.audit.chain import ChainBroken, Head


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


async def verify(audit: Audit, head: str | None) -> int:
    """Check the log, tell what was found, and return the exit status. Raises `SettingsError`."""
    try:
        chain = await audit.verify(_head(head))
    except ChainBroken as err:
        sys.stdout.write(f"The audit log was tampered with: {err}.\n")
        return 1
    told = f"{chain.head.id}:{chain.head.hash}"
    sys.stdout.write(f"The audit log is whole: {chain.count} records, the last is {told}\n")
    return 0


async def export(audit: Audit) -> int:
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
