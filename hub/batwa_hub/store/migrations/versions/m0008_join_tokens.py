"""Join tokens, the waiting room, and what the hub says of agents."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table and the columns."""
    op.create_table(
        "join_tokens",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("secret_hash", sa.String, nullable=False, unique=True),
        sa.Column("name", sa.String),
        sa.Column("agent_id", sa.String),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("uses_left", sa.Integer, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=False, index=True),
    )
    with op.batch_alter_table("agent_keys") as keys:
        keys.add_column(sa.Column("approved", sa.Boolean, nullable=False, server_default=sa.true()))
        keys.add_column(sa.Column("replaces", sa.Boolean, nullable=False, server_default=sa.false()))
    with op.batch_alter_table("agents") as agents:
        agents.add_column(sa.Column("waiting", sa.Boolean, nullable=False, server_default=sa.false()))
        agents.add_column(sa.Column("given_name", sa.String))
        agents.add_column(sa.Column("given_tags", sa.JSON, nullable=False, server_default="{}"))


def downgrade() -> None:
    """Remove them: nobody can join by token any more, and nobody waits."""
    with op.batch_alter_table("agents") as agents:
        for name in ("given_tags", "given_name", "waiting"):
            agents.drop_column(name)
    with op.batch_alter_table("agent_keys") as keys:
        for name in ("replaces", "approved"):
            keys.drop_column(name)
    op.drop_table("join_tokens")
