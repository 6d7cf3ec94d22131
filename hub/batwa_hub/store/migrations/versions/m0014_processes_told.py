"""How many agents are linked to each hub process, and which CA its certificate comes from."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the columns; a process that knows nothing of them leaves 0, and none."""
    op.add_column("processes", sa.Column("links", sa.Integer, nullable=False, server_default="0"))
    op.add_column("processes", sa.Column("ca", sa.String))


def downgrade() -> None:
    """Remove them."""
    with op.batch_alter_table("processes") as batch:
        batch.drop_column("links")
        batch.drop_column("ca")
