"""Bring a database's schema up to date with the migrations in this package, or refuse it."""

from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.script import ScriptDirectory

from .tables import metadata


class DatabaseUnusable(Exception):
    """The database cannot be used as it is; the message says why and what to do."""


def load_migrations() -> ScriptDirectory:
    """Read every migration from disk, so that `upgrade` reads no file. Blocks."""
    scripts = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    scripts.get_heads()
    return scripts


def schema_of(connection: sa.Connection) -> str:
    """Return the revision that a database has been brought to; empty for none."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(connection: sa.Connection, scripts: ScriptDirectory, to: str = "heads") -> None:
    """Run the missing migrations up to *to* inside *connection*'s transaction: all of them, or none.

    Raises `DatabaseUnusable` when a newer Batwa has made this schema.
    """
    _refuse_newer(connection, scripts)

    def missing(current: str | tuple[str, ...] | None, _context: MigrationContext) -> list[RevisionStep]:
        revisions = scripts.iterate_revisions(to, current or "base", implicit_base=True)
        steps = [MigrationStep.upgrade_from_script(scripts.revision_map, each) for each in revisions]
        return steps[::-1]

    with EnvironmentContext(Config(), scripts, fn=missing) as environment:
        environment.configure(
            connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True
        )
        environment.run_migrations()


def _refuse_newer(connection: sa.Connection, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    found = MigrationContext.configure(connection).get_current_heads()
    if unknown := sorted(set(found) - known):
        raise DatabaseUnusable(
            f"The database has schema {', '.join(unknown)}, which this version of Batwa does not know: "
            "a newer one made it. Install that version again, or restore the backup from before it."
        )
