"""The tables, as SQLAlchemy Core knows them; `migrations/` makes them."""

from datetime import UTC, datetime

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware UTC time, in and out. SQLite keeps no zone: what it returns is read as UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Convert to UTC. Raises ValueError for a time without a zone."""
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return an aware UTC time."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_JSON = sa.JSON(none_as_null=True)
_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts only INTEGER keys itself


users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False, unique=True),
    sa.Column("password_hash", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("terminals", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("agents", _JSON),
    sa.Column("tags", _JSON, nullable=False, server_default="{}"),
    sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("last_login_at", UtcDateTime),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id_hash", sa.String, primary_key=True),
    sa.Column(
        "user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("data", _JSON, nullable=False),
    sa.Column("address", sa.String),
    sa.Column("client", sa.String),
)

totp = sa.Table(
    "totp",
    metadata,
    sa.Column("user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("secret_encrypted", sa.String, nullable=False),
    sa.Column("confirmed_at", UtcDateTime),
    sa.Column("last_step", sa.BigInteger, nullable=False),
    sa.Column("recovery", _JSON, nullable=False),
)

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("issuer", sa.String, primary_key=True),
    sa.Column("subject", sa.String, primary_key=True),
    sa.Column(
        "user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

passkeys = sa.Table(
    "passkeys",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column(
        "user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    sa.Column("sign_count", sa.BigInteger, nullable=False),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("last_ticket_ms", sa.BigInteger, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime),
)

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column(
        "user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("secret_hash", sa.String, nullable=False, unique=True),
    sa.Column("agents", _JSON),
    sa.Column("tags", _JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("terminals", sa.Boolean, nullable=False, server_default=sa.false()),
)

agent_keys = sa.Table(
    "agent_keys",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("agent_id", sa.String, index=True),
    sa.Column("key_hash", sa.String, nullable=False, unique=True),
    sa.Column("key_encrypted", sa.String, nullable=False),
    sa.Column("approved", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("replaces", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime),
)

agents = sa.Table(
    "agents",
    metadata,
    sa.Column("agent_id", sa.String, primary_key=True),
    sa.Column("hostname", sa.String, nullable=False),
    sa.Column("api_url", sa.String, nullable=False),
    sa.Column("tags", _JSON, nullable=False),
    sa.Column("key_id", sa.String, nullable=False),
    sa.Column("version", sa.String),
    sa.Column("features", _JSON, nullable=False),
    sa.Column("api_version", sa.Integer, nullable=False),
    sa.Column("registered_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("driver", _JSON),
    sa.Column("load", _JSON),
    sa.Column("waiting", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("given_name", sa.String),
    sa.Column("given_tags", _JSON, nullable=False, server_default="{}"),
)

join_tokens = sa.Table(
    "join_tokens",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("secret_hash", sa.String, nullable=False, unique=True),
    sa.Column("name", sa.String),
    sa.Column("agent_id", sa.String),
    sa.Column("tags", _JSON, nullable=False),
    sa.Column("uses", sa.Integer, nullable=False),
    sa.Column("uses_left", sa.Integer, nullable=False),
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

inventories = sa.Table(
    "inventories",
    metadata,
    sa.Column("agent_id", sa.String, primary_key=True),
    sa.Column("epoch", sa.String, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("vms", sa.Text, nullable=False),
    sa.Column("confirmed_at", UtcDateTime, nullable=False),
)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("vm_name", sa.String, nullable=False, index=True),
    sa.Column("agent_id", sa.String, nullable=False, index=True),
    sa.Column("agent_hostname", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("percent", sa.Float),
    sa.Column("phase", sa.String),
    sa.Column("error", _JSON),
    sa.Column("vm", _JSON),
    sa.Column("requested_by", sa.String, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    sa.Column("started_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("log", _JSON, nullable=False),
    sa.Column("command", _JSON, nullable=False),
    sa.Column("submitted", sa.Boolean, nullable=False),
    sa.Column("owner", sa.String, nullable=False, server_default="nobody"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("data", _JSON),
    sa.Column("origin", sa.String, nullable=False, server_default="hub"),
    sqlite_autoincrement=True,  # ids of pruned events never come back
)

processes = sa.Table(
    "processes",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("url", sa.String),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("links", sa.Integer, nullable=False, server_default="0"),
    sa.Column("ca", sa.String),
)

peers = sa.Table(
    "peers",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("public_key", sa.String, nullable=False, unique=True),
    sa.Column("url", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("added_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime),
    sa.Column("vms", sa.Text),
    sa.Column("vms_at", UtcDateTime),
    sa.Column("ca", sa.Text),
)

peer_addresses = sa.Table(
    "peer_addresses",
    metadata,
    sa.Column("url", sa.String, primary_key=True),
)

peer_services = sa.Table(
    "peer_services",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("running", sa.Boolean, nullable=False),
)

peer_messages = sa.Table(
    "peer_messages",
    metadata,
    sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
    sa.Column("peer_id", sa.String, nullable=False),
    sa.Column("peer_name", sa.String, nullable=False),
    sa.Column("message_type", sa.String, nullable=False),
    sa.Column("data", _JSON, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

peer_requests = sa.Table(
    "peer_requests",
    metadata,
    sa.Column("peer_id", sa.String, primary_key=True),
    sa.Column("jti", sa.String, primary_key=True),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

pairing_codes = sa.Table(
    "pairing_codes",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("key_encrypted", sa.Text, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("wrong", sa.Integer, nullable=False),
)

guesses = sa.Table(
    "guesses",
    metadata,
    sa.Column("of", sa.String, primary_key=True),
    sa.Column("account", sa.String, primary_key=True),
    sa.Column("place", sa.String, primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False, index=True),
    sa.Column("known", sa.Boolean, nullable=False),
)

terminal_shares = sa.Table(
    "terminal_shares",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("secret_hash", sa.String, nullable=False, unique=True),
    sa.Column("terminal_id", sa.String, nullable=False, index=True),
    sa.Column("mode", sa.String, nullable=False),
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("owner_id", sa.String),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("who", sa.String, nullable=False, index=True),
    sa.Column("how", sa.String, nullable=False),
    sa.Column("address", sa.String),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("target", sa.String, index=True),
    sa.Column("agent_id", sa.String),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("code", sa.String),
    sa.Column("request_id", sa.String),
    sa.Column("details", _JSON, nullable=False),
    sa.Column("previous", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)
