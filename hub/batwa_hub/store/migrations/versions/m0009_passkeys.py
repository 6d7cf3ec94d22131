"""Passkeys."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column(
            "user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("last_ticket_ms", sa.BigInteger, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("last_used_at", _AT),
    )


def downgrade() -> None:
    """Remove them all."""
    op.drop_table("passkeys")
