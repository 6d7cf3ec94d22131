"""Several hub processes on one database: which there are, whose each operation is, who told each event."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table and the columns."""
    op.create_table(
        "processes",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("url", sa.String),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("started_at", _AT, nullable=False),
        sa.Column("seen_at", _AT, nullable=False),
    )
    op.add_column("operations", sa.Column("owner", sa.String, nullable=False, server_default="nobody"))
    op.add_column("events", sa.Column("origin", sa.String, nullable=False, server_default="hub"))


def downgrade() -> None:
    """Remove them: one process has the database to itself again."""
    for table, column in (("events", "origin"), ("operations", "owner")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
    op.drop_table("processes")
