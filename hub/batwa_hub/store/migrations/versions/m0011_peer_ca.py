"""CAs of other hubs that have made their own."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add their column."""
    op.add_column("peers", sa.Column("ca", sa.Text))


def downgrade() -> None:
    """Remove it: such hubs are reached no more by HTTPS."""
    op.drop_column("peers", "ca")
