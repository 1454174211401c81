"""``queueapi migrate``."""

from __future__ import annotations

import argparse
import sys

from queueapi.cli.words import Commands, taught
from queueapi.settings import Settings


def add(commands: Commands) -> None:
    """Add the command to the others."""
    migrate = commands.add_parser("migrate", help="bring the database's schema up to this version")
    taught(
        migrate,
        "Bring the schema queueapi of the database up to this version, each step in a transaction of its own. Steps go "
        "forward only. Whoever else does that at the same time waits, and finds nothing left to do.",
        "  queueapi migrate\n  queueapi migrate --dry-run > next.sql",
    )
    migrate.add_argument("--dry-run", action="store_true", help="print the SQL, for a migration tool of your own")
    migrate.set_defaults(run=_migrate)


def _migrate(arguments: argparse.Namespace) -> int:
    from queueapi.postgres.connection import connect
    from queueapi.postgres.migrate import migrate, script
    from queueapi.postgres.sessions import Dedicated
    from queueapi.postgres.upkeep import Upkeep

    settings = Settings.from_env()
    with connect(settings.database_url, "queueapi migrate", settings.connect_timeout) as connection:
        if arguments.dry_run:
            sys.stdout.writelines(script(connection))
            return 0
        applied = migrate(connection, lambda migration: print(f"applied {migration.name}"))
        Upkeep(Dedicated(lambda: connection)).partition(settings.result_ttl)
    print("the schema is up to date" if not applied else f"{applied} applied, the schema is up to date")
    return 0
