"""The chain of hashes that shows whether the audit log was changed. Pure: records in, a verdict out."""

import hashlib
import json
from typing import NamedTuple

from batwa_common.wire.audit import AuditEntry, AuditRecord

FIRST = "0" * 64
"""What the very first record has as the hash of the one before."""
PRUNED = "audit pruned"
"""Action of the record that says up to where the log was shortened: `until`, an id, and its `hash`."""


class ChainBroken(Exception):
    """The log is not as it was written; the message says where."""


class Head(NamedTuple):
    """The end of a log. Kept elsewhere, it shows later that nothing before it was changed or cut off."""

    id: int = 0
    hash: str = FIRST


def link(entry: AuditEntry, after: Head) -> AuditRecord:
    """Return *entry* as the record that follows *after*."""
    values = {**dict(entry), "id": after.id + 1, "previous": after.hash}
    return AuditRecord(**values, hash=hash_of(AuditRecord(**values, hash="")))


def hash_of(record: AuditRecord) -> str:
    """Return what the record's hash must be. A field that a later version adds is null in older records."""
    told = record.model_dump(mode="json", exclude={"hash"})
    present = {name: value for name, value in told.items() if value is not None}
    text = json.dumps(present, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


class Chain:
    """Checks the records of a log, given oldest first.

    Args:
        expected: A head that the log must still contain.
    """

    def __init__(self, expected: Head | None = None) -> None:
        self._expected = expected
        self._met = expected is None or expected == Head()
        self._start: Head | None = None
        self._pruned: set[Head] = set()
        self.head = Head()
        self.count = 0

    def check(self, record: AuditRecord) -> None:
        """Take the next record. Raises `ChainBroken`."""
        if record.hash != hash_of(record):
            raise ChainBroken(f"record {record.id} was changed: its hash is not that of what it says")
        before = Head(record.id - 1, record.previous)
        if self._start is None:
            self._start = before
            self._met = self._met or before == self._expected
        elif before != self.head:
            raise ChainBroken(f"record {record.id} does not follow record {self.head.id}: some are missing")
        self.head, self.count = Head(record.id, record.hash), self.count + 1
        self._met = self._met or self.head == self._expected
        if record.action == PRUNED:
            self._pruned.add(Head(record.details.get("until", 0), record.details.get("hash", "")))

    @property
    def has_expected(self) -> bool:
        """Whether the expected head was met; False also if it was removed with older ones."""
        return self._met

    def finish(self) -> None:
        """The log ends here. Raises `ChainBroken` if its beginning or its end is missing."""
        start = self._start or Head()
        if start not in {Head(), *self._pruned}:
            raise ChainBroken(f"the records up to {start.id} are missing, and not by retention")
        if not self._met and self._expected is not None and self._expected.id > start.id:
            raise ChainBroken(f"record {self._expected.id} is missing, or is not the one it was")
