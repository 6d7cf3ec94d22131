"""Attempts at secrets, by account and place."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "guesses",
        sa.Column("of", sa.String, primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("place", sa.String, primary_key=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("known", sa.Boolean, nullable=False),
    )


def downgrade() -> None:
    """Forget them all."""
    op.drop_table("guesses")
