"""The first tables: people, sessions, agents and their keys, inventories, operations, events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_JSON = sa.JSON(none_as_null=True)
_AT = sa.DateTime(timezone=True)
_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    _users()
    _sessions()
    _agent_keys()
    _agents()
    _inventories()
    _operations()
    _events()


def downgrade() -> None:
    """Remove them, and all that is in them."""
    for table in ("events", "operations", "inventories", "agents", "agent_keys", "sessions", "users"):
        op.drop_table(table)


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.String, primary_key=True),
        sa.Column(
            "user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=False, index=True),
        sa.Column("last_seen_at", _AT, nullable=False),
        sa.Column("data", _JSON, nullable=False),
    )


def _agent_keys() -> None:
    op.create_table(
        "agent_keys",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("agent_id", sa.String, index=True),
        sa.Column("key_hash", sa.String, nullable=False, unique=True),
        sa.Column("key_encrypted", sa.String, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("last_used_at", _AT),
    )


def _agents() -> None:
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.String, primary_key=True),
        sa.Column("hostname", sa.String, nullable=False),
        sa.Column("api_url", sa.String, nullable=False),
        sa.Column("tags", _JSON, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("version", sa.String),
        sa.Column("features", _JSON, nullable=False),
        sa.Column("api_version", sa.Integer, nullable=False),
        sa.Column("registered_at", _AT, nullable=False),
        sa.Column("last_seen_at", _AT, nullable=False),
        sa.Column("driver", _JSON),
        sa.Column("load", _JSON),
    )


def _inventories() -> None:
    op.create_table(
        "inventories",
        sa.Column("agent_id", sa.String, primary_key=True),
        sa.Column("epoch", sa.String, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("vms", sa.Text, nullable=False),
        sa.Column("confirmed_at", _AT, nullable=False),
    )


def _operations() -> None:
    op.create_table(
        "operations",
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
        sa.Column("created_at", _AT, nullable=False, index=True),
        sa.Column("started_at", _AT),
        sa.Column("ended_at", _AT),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("log", _JSON, nullable=False),
        sa.Column("command", _JSON, nullable=False),
        sa.Column("submitted", sa.Boolean, nullable=False),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("data", _JSON),
        sqlite_autoincrement=True,
    )
