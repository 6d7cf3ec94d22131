"""Accounts' own permissions and limits, and where sessions come from."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_JSON = sa.JSON(none_as_null=True)
_AT = sa.DateTime(timezone=True)
_NEW = {
    "users": ("terminals", "agents", "tags", "disabled", "last_login_at"),
    "api_tokens": ("terminals",),
    "sessions": ("address", "client"),
}


def upgrade() -> None:
    """Add the columns; who may open terminals stays as it was."""
    op.add_column("users", _flag("terminals"))
    op.add_column("users", sa.Column("agents", _JSON))
    op.add_column("users", sa.Column("tags", _JSON, nullable=False, server_default="{}"))
    op.add_column("users", _flag("disabled"))
    op.add_column("users", sa.Column("last_login_at", _AT))
    op.add_column("api_tokens", _flag("terminals"))
    op.add_column("sessions", sa.Column("address", sa.String))
    op.add_column("sessions", sa.Column("client", sa.String))
    for name in ("users", "api_tokens"):
        table = sa.table(name, sa.column("role"), sa.column("terminals"))
        op.execute(sa.update(table).where(table.c.role != "viewer").values(terminals=sa.true()))


def downgrade() -> None:
    """Forget them: limited and disabled accounts are so no longer."""
    for table, columns in _NEW.items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
