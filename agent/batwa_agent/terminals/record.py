"""What is kept of a terminal beside its output, so that a restarted agent can adopt it. All of it blocks."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from batwa_common.wire.base import utc_now


class Record(BaseModel):
    """A terminal, on disk."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    vm_name: str
    command: tuple[str, ...] | None = None
    rows: int
    cols: int
    created_at: datetime
    created_by: str = ""
    linger_s: float
    ends_with_viewer: bool = False
    """Opened by the documented protocol: ends when its last viewer closes, lingers when that is lost."""
    recording_id: str | None = None
    record_input: bool = False
    pid: int | None = None
    pid_began: str | None = None
    """When that process began, as the kernel counts: another process may get its number."""
    ended_at: datetime | None = None
    exit_code: int | None = None

    @property
    def key(self) -> str:
        """The part of the id that names its files."""
        return self.id.rpartition("~")[2]

    def ended(self, exit_code: int | None) -> "Record":
        """Return what it is once it has ended."""
        return self.model_copy(update={"exit_code": exit_code, "ended_at": utc_now()})

    def save(self, directory: Path) -> None:
        """Write it; good against a kill of the agent, and no terminal outlives a power cut anyway."""
        new = directory / f".{self.key}.new"
        new.write_text(self.model_dump_json())
        new.replace(directory / f"{self.key}.json")


def load_records(directory: Path) -> list[Record]:
    """Return all records; one that cannot be read is left out and its files are removed."""
    found = []
    for path in sorted(directory.glob("*.json")):
        try:
            found.append(Record.model_validate_json(path.read_bytes()))
        except ValidationError:
            remove(directory, path.stem)
    known = {record.key for record in found}
    for path in directory.glob("*.log"):
        if path.stem not in known:
            path.unlink(missing_ok=True)
    return found


def remove(directory: Path, key: str) -> None:
    """Forget what is kept of a terminal."""
    for suffix in (".json", ".log"):
        (directory / f"{key}{suffix}").unlink(missing_ok=True)


def log_path(directory: Path, key: str) -> Path:
    """Return where a terminal's output is kept."""
    return directory / f"{key}.log"
