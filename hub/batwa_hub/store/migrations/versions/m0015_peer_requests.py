"""Signed requests of other hubs that have been here."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "peer_requests",
        sa.Column("peer_id", sa.String, primary_key=True),
        sa.Column("jti", sa.String, primary_key=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, index=True),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("peer_requests")
