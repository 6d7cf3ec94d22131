"""What an operator may set, with units, bounds and defaults."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from batwa_common.settings import DaemonSettings
from batwa_common.wire.agent import Origin, Tags, Text
from batwa_common.wire.vm import AgentId

from .host import host_name, id_from


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DriverSection(_Section):
    """How Multipass is driven."""

    parallel_launches: int = Field(default=1, ge=1, le=16)
    """Launches at once; more than one has been seen to crash Multipass's daemon."""
    image_dir: Path | None = None
    """Directory whose files VMs may be made from, as `file://…`; left out, none: Multipass may read any."""
    poll_s: float = Field(default=2.0, ge=0.1, le=300)
    """Time between two looks at the list, in seconds."""
    list_s: float = Field(default=15.0, ge=0.1, le=600)
    """Longest wait for the list, in seconds; after it Multipass counts as not answering."""
    info_s: float = Field(default=30.0, ge=1, le=600)
    """Longest wait for what one instance tells of itself, in seconds."""
    launch_s: float = Field(default=1800.0, ge=1, le=86_400)
    """Longest a launch may take, in seconds, the download included."""
    start_s: float = Field(default=600.0, ge=1, le=86_400)
    """Longest a start may take, in seconds."""
    stop_s: float = Field(default=360.0, ge=1, le=86_400)
    """Longest a stop may take, in seconds; Multipass itself gives a guest five minutes."""


class TerminalSection(_Section):
    """Shells."""

    limit: int = Field(default=500, ge=0, le=10_000)
    """Terminals open at once; beyond it the answer is 503."""
    linger_s: float = Field(default=3600.0, ge=0, le=30 * 86_400)
    """How long a terminal lives with nobody attached, in seconds."""
    keep_bytes: int = Field(default=2 << 20, ge=256 << 10, le=256 << 20)
    """How much of each terminal's output is kept for whoever attaches, in bytes; that much disk is taken."""
    survive: bool = True
    """Whether terminals go on while the agent is stopped or restarted; false ends them with it."""


class ExecSection(_Section):
    """Commands in VMs."""

    limit: int = Field(default=100, ge=0, le=10_000)
    """Commands running at once; beyond it the answer is 503."""


class RecordingSection(_Section):
    """Recordings of terminals."""

    always: bool = False
    """Whether every terminal is recorded, asked for or not."""
    max_bytes: int = Field(default=64 << 20, ge=64 << 10, le=1 << 40)
    """Size at which a recording ends, in bytes."""
    max_age_s: float = Field(default=30 * 86_400.0, ge=60, le=10 * 365 * 86_400)
    """Age at which an ended recording is removed, in seconds."""
    total_bytes: int = Field(default=2 << 30, ge=1 << 20, le=1 << 50)
    """Size of all recordings beyond which the oldest are removed, and the largest end, in bytes."""


class MetricsSection(_Section):
    """Who may read the metrics."""

    token: SecretStr | None = Field(default=None, min_length=16, max_length=1024)
    """What Prometheus is to send as `Authorization: Bearer`; left out, this machine alone may read them."""


class OperationSection(_Section):
    """Work as an object."""

    keep: int = Field(default=500, ge=1, le=100_000)
    """Ended operations kept on disk."""
    settle_looks: int = Field(default=5, ge=1, le=100)
    """After a restart: looks in a row that must agree before an interrupted operation counts as failed."""
    settle_s: float = Field(default=600.0, ge=1, le=86_400)
    """After a restart: how long a VM may be on its way before its operation counts as failed, in seconds."""


class Settings(DaemonSettings):
    """The agent's settings."""

    model_config = SettingsConfigDict(env_prefix="BATWA_AGENT_")
    default_file: ClassVar[Path] = Path("/etc/batwa/agent.toml")

    agent_id: AgentId = Field(default_factory=lambda: id_from(host_name()))
    """The id this machine has at the hub; by default made from the host name."""
    hub_url: Origin | None = None
    """The hub, `http://host:port`; None serves without registering anywhere."""
    ca: Path | None = None
    """CAs of the hub's certificate, PEM, believed instead of the system's. A file in `data_dir` follows the
    hub's own CA by itself."""
    api_key: SecretStr | None = None
    """The key made at the hub for this agent. Required to run: callers must present it too."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8001, ge=0, le=65_535)
    """TCP port to listen on; 0 takes a free one."""
    api_url: Origin | None = None
    """Where the hub reaches this agent; by default made of `host` and `port`."""
    link: bool = False
    """Whether to dial the hub for its calls too, which works through NAT; then `host` and `port` are listened
    on only if one of them is set, and the hub uses no `api_url`."""
    hostname: Text = Field(default_factory=host_name)
    """What people call this machine."""
    tags: Tags = Field(default_factory=dict)
    """What the operator says of this machine: words for words."""
    heartbeat_interval_s: float = Field(default=10.0, ge=0.1, le=3600)
    """Time between heartbeats while nothing changes, in seconds."""
    data_dir: Path = Path("/var/lib/batwa-agent")
    """Where operations and VM ids are kept."""
    multipass: str = Field(default="multipass", min_length=1)
    """The program that runs VMs: a path, or a name on PATH. `multipass-sim` simulates."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe event that is logged."""
    log_file: Path | None = None
    """Where to log; None is standard error."""
    driver: DriverSection = Field(default_factory=DriverSection)
    """How Multipass is driven."""
    terminal: TerminalSection = Field(default_factory=TerminalSection)
    """Shells."""
    exec: ExecSection = Field(default_factory=ExecSection)
    """Commands in VMs."""
    recording: RecordingSection = Field(default_factory=RecordingSection)
    """Recordings of terminals."""
    metrics: MetricsSection = Field(default_factory=MetricsSection)
    """Who may read the metrics."""
    operation: OperationSection = Field(default_factory=OperationSection)
    """Work as an object."""

    @model_validator(mode="after")
    def _link_leads_somewhere(self) -> Self:
        if self.link and self.hub_url is None:
            raise ValueError("link needs hub_url: set it to where the hub is")
        if self.link and self.api_url is not None:
            raise ValueError("with link the hub needs no api_url: leave one of them out")
        return self

    @property
    def listens(self) -> bool:
        """Whether to listen on a TCP port."""
        return not self.link or not self.model_fields_set.isdisjoint({"host", "port"})
