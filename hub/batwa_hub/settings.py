"""What an operator of the hub may set, with units, bounds and defaults."""

import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, get_args

import sqlalchemy as sa
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from batwa_common.settings import DaemonSettings
from batwa_common.web.serve import WILDCARDS
from batwa_common.wire.agent import Origin, Text
from batwa_common.wire.user import Role
from batwa_common.wire.vm import AgentId

DAY_S = 24 * 3600.0
_POSTGRESQL = re.compile(r"^postgres(ql)?://")
"""As everybody writes its URLs; SQLAlchemy wants to be told the driver."""
TlsMode = Literal["off", "auto", "files"]
TLS_MODES: tuple[TlsMode, ...] = get_args(TlsMode)


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AgentSettings(_Group):
    """How the hub deals with its agents."""

    stale_after_s: float = Field(default=35.0, ge=1, le=3600)
    """Silence after which an agent counts as offline, in seconds; three heartbeats and a bit."""
    call_timeout_s: float = Field(default=30.0, ge=1, le=600)
    """How long a call to an agent may take, in seconds."""
    allowed_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks in which agents may be although the hub refuses such addresses: link-local, loopback, ….
    Agents on the hub's own machine may be at its loopback addresses anyway."""
    link_heartbeat_s: float = Field(default=10.0, ge=0.1, le=60)
    """Time between pings on an agent's link, in seconds; a dead one is noticed after half as much again."""


class SessionSettings(_Group):
    """How long a login lasts."""

    lifetime_s: float = Field(default=7 * DAY_S, ge=300, le=365 * DAY_S)
    """Seconds after which a login ends, used or not."""
    idle_s: float = Field(default=2 * DAY_S, ge=300, le=365 * DAY_S)
    """Seconds without a request or an open terminal after which a login ends."""


class EventSettings(_Group):
    """What is kept of the events."""

    keep: int = Field(default=10_000, ge=100, le=10_000_000)
    """Events kept for watchers that come back; one that missed more is told to reload."""


class LimitSettings(_Group):
    """How often somebody may ask; each process counts for itself."""

    caller_per_minute: float = Field(default=6000.0, ge=0, le=1e9)
    """Requests a minute of one login, token, agent or peer; 0 does not limit them."""
    stranger_per_minute: float = Field(default=1200.0, ge=0, le=1e9)
    """Requests a minute of those who have not proved who they are, by address; 0 does not limit them."""


class ProcessSettings(_Group):
    """One of several hub processes on one PostgreSQL database."""

    url: Origin | None = None
    """Where the others reach this one, for instance `http://10.0.0.5:8000`; left out, where it listens, which
    does while all are on one machine."""
    drain_s: float = Field(default=0.0, ge=0, le=15)
    """Seconds for which one that is told to stop goes on taking connections while `/readyz` answers 503:
    longer than what balances takes to notice. 0 for what passes over those that take none."""


class AuditSettings(_Group):
    """What is kept of the audit log."""

    keep_days: float = Field(default=365.0, ge=1, le=36_500)
    """Days after which a record is removed."""
    keep: int = Field(default=1_000_000, ge=1000, le=1_000_000_000)
    """Records kept at most; the oldest beyond that are removed."""


class MetricsSettings(_Group):
    """Who may read the metrics."""

    token: Annotated[SecretStr, Field(min_length=16, max_length=1024)] | None = None
    """What Prometheus is to send as `Authorization: Bearer`; left out, this machine alone may read them."""


class TerminalSettings(_Group):
    """What holds for those who watch terminals."""

    idle_timeout_s: float = Field(default=0.0, ge=0, le=30 * DAY_S)
    """Seconds without a byte from a viewer after which it is closed, the shell going on; 0 never does."""


class OperationSettings(_Group):
    """What is kept of the operations."""

    keep: int = Field(default=10_000, ge=100, le=10_000_000)
    """Ended operations kept; the oldest beyond that are forgotten."""


class OidcSettings(_Group):
    """Sign-on with an OpenID Connect provider; without an issuer there is none."""

    issuer: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$", max_length=300)] | None = None
    """The provider's address, to the letter as it calls itself."""
    client_id: Annotated[Text, StringConstraints(min_length=1)] = "batwa"
    """What this hub is to the provider."""
    client_secret: SecretStr | None = None
    """What this hub proves that with; left out, it is a public client (PKCE is used in any case)."""
    name: Annotated[Text, StringConstraints(min_length=1)] = "single sign-on"
    """What the login page calls the provider."""
    scopes: tuple[Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+$")], ...] = (
        "openid",
        "profile",
        "email",
    )
    """What the provider is asked for."""
    name_claim: str = "preferred_username"
    """The claim that names the account."""
    role_claim: str = "groups"
    """The claim that says what somebody may do: a text or a list of them."""
    roles: dict[str, Role] = Field(default_factory=dict)
    """The role for each value of that claim; of several the strongest counts, at every login."""
    default_role: Role | None = None
    """The role of who has none of these values; left out, they are not let in."""
    adopt_accounts: bool = False
    """Whether who signs on may take over the account of that name that has been here before."""


class P2pSettings(_Group):
    """This hub among other hubs."""

    name: Annotated[Text, StringConstraints(min_length=1)] | None = None
    """What other hubs' people see it as; left out, the machine's host name."""
    discovery: bool = True
    """Whether to announce this hub and look for others by multicast DNS while P2P services run."""
    interfaces: tuple[IPv4Address, ...] = ()
    """IPv4 addresses of this machine to announce it at; left out, those where it listens."""
    url: Origin | None = None
    """Where other hubs are to call it, for instance `https://hub.example.org`; left out, they use the
    address that its calls come from."""
    allowed_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks in which other hubs may be although such addresses are refused: link-local, cloud metadata."""


class JoinSettings(_Group):
    """How machines join."""

    approval: bool = False
    """Whether a machine that joins waits until an administrator approves it."""


class TlsSettings(_Group):
    """HTTPS by the hub itself."""

    mode: TlsMode = "off"
    """`off` serves plain HTTP; `auto` makes a CA and certificates of its own; `files` serves with yours."""
    certificate: Path | None = None
    """With `files`: the certificate and what links it to its CA, PEM."""
    key: Path | None = None
    """With `files`: its key, PEM."""
    ca: Path | None = None
    """With `files`: the CA it comes from, PEM, if the system's trust store of agents does not know it."""
    names: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")], ...] = ()
    """With `auto`: further host names and addresses that the hub is reached by."""

    @model_validator(mode="after")
    def _files_are_named(self) -> Self:
        if self.mode == "files" and (self.certificate is None or self.key is None):
            raise ValueError("mode = files needs certificate and key")
        return self


class Settings(DaemonSettings):
    """The hub's settings."""

    model_config = SettingsConfigDict(env_prefix="BATWA_HUB_")
    default_file: ClassVar[Path] = Path("/etc/batwa/hub.toml")

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` for every address of this machine."""
    port: int = Field(default=8000, ge=0, le=65535)
    """TCP port to listen on; 0 lets the system choose."""
    data_dir: Path = Path("/var/lib/batwa-hub")
    """Directory of the database, `secret.key` and the pid file."""
    database_url: SecretStr | None = None
    """Where PostgreSQL is, `postgresql://USER:PASSWORD@HOST/NAME`; left out, SQLite in `data_dir`."""
    admin_password: Annotated[SecretStr, Field(min_length=1, max_length=1024)] | None = None
    """Password of the user `admin`, read at the very first start only; left out, a link sets it."""
    local_agent_id: AgentId = "local"
    """The agent of the hub's own machine: `agent_id` null in the Batwa API."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged, from this level up."""
    log_file: Path | None = None
    """Where to log; left out, to stderr."""
    cookie_secure: bool | None = None
    """Whether the session cookie is `Secure`; left out, it is when the request came by HTTPS."""
    trusted_proxies: tuple[IPvAnyNetwork, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    """Addresses and networks of proxies that are believed about whom they speak for (`X-Forwarded-*`)."""
    public_urls: tuple[Origin, ...] = ()
    """Where agents and people reach this hub, `https://hub.example.org`; left out, where it listens."""
    trusted_origins: tuple[Annotated[Origin, StringConstraints(strip_whitespace=True)], ...] = ()
    """Other origins whose pages may act as the user, such as `https://panel.example.org`."""
    agent: AgentSettings = AgentSettings()
    session: SessionSettings = SessionSettings()
    event: EventSettings = EventSettings()
    operation: OperationSettings = OperationSettings()
    limit: LimitSettings = LimitSettings()
    process: ProcessSettings = ProcessSettings()
    audit: AuditSettings = AuditSettings()
    metrics: MetricsSettings = MetricsSettings()
    terminal: TerminalSettings = TerminalSettings()
    p2p: P2pSettings = P2pSettings()
    oidc: OidcSettings = OidcSettings()
    join: JoinSettings = JoinSettings()
    tls: TlsSettings = TlsSettings()

    def listening_with(self, sockets: Sequence[socket.socket]) -> Self:
        """Return these settings with the address that *sockets* listen at, if there are any."""
        if not sockets:
            return self
        at = [each.getsockname()[:2] for each in sockets]
        host, port = next((each for each in at if each[0] in WILDCARDS), at[0])
        return self.model_copy(update={"host": host, "port": port})

    @property
    def scheme(self) -> str:
        """`http` or `https`: what the hub itself serves."""
        return "http" if self.tls.mode == "off" else "https"

    def own_url(self, port: int | None = None) -> str:
        """Return where this machine reaches the hub, which may listen on a *port* that the system chose."""
        host = "127.0.0.1" if self.host in WILDCARDS else self.host
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{port or self.port}"

    def setup_link(self, code: str, *, port: int | None = None) -> str:
        """Return the address of the page that takes *code*: behind `#`, so that no log ever has it."""
        where = self.public_urls[0] if self.public_urls else self.own_url(port)
        return f"{where.rstrip('/')}/setup#{code}"

    def store_url(self) -> str:
        """Return the URL of the database in use."""
        if self.database_url is not None:
            return _POSTGRESQL.sub("postgresql+asyncpg://", self.database_url.get_secret_value(), count=1)
        file = sa.URL.create("sqlite+aiosqlite", database=str(self.data_dir.absolute() / "hub.db"))
        return file.render_as_string(hide_password=False)
