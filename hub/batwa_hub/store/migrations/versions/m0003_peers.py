"""Peers: hubs that are trusted, where others are looked for, and what they wrote."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_JSON = sa.JSON(none_as_null=True)
_AT = sa.DateTime(timezone=True)
_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "peers",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("public_key", sa.String, nullable=False, unique=True),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("added_at", _AT, nullable=False),
        sa.Column("last_seen_at", _AT),
        sa.Column("vms", sa.Text),
        sa.Column("vms_at", _AT),
    )
    op.create_table("peer_addresses", sa.Column("url", sa.String, primary_key=True))
    op.create_table(
        "peer_services",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("running", sa.Boolean, nullable=False),
    )
    op.create_table(
        "peer_messages",
        sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("peer_id", sa.String, nullable=False),
        sa.Column("peer_name", sa.String, nullable=False),
        sa.Column("message_type", sa.String, nullable=False),
        sa.Column("data", _JSON, nullable=False),
        sa.Column("received_at", _AT, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Remove them, and all that is in them."""
    for table in ("peer_messages", "peer_services", "peer_addresses", "peers"):
        op.drop_table(table)
