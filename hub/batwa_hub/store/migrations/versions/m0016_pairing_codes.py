"""Codes by which other hubs pair."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "pairing_codes",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("key_encrypted", sa.Text, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrong", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """End them all."""
    op.drop_table("pairing_codes")
