"""With whom a link to a terminal ends."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column; links that were made before end when they said."""
    op.add_column("terminal_shares", sa.Column("owner_id", sa.String))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("terminal_shares", "owner_id")
