"""The command lines: ``queueapi`` (migrate, status, dead, retry, discard, work) and ``queueapi-work``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from queueapi import cli_cron, cli_dead
from queueapi.errors import MigrationRefused, QueueAPIError, SchemaMismatch, SettingsError
from queueapi.served import words
from queueapi.settings import Settings, size

# 2 is argparse's own for wrong words; 3 tells a deployment that the schema and the code do not fit.
WRONG_SETTINGS, WRONG_SCHEMA = 2, 3

_WORK = """\
examples:
  queueapi-work sample_app.jobs                      work the queue "default"
  queueapi-work sample_app.jobs -q mail -q default   "mail" first, "default" when it is empty
  queueapi-work sample_app.jobs -c 50 -p 2           2 processes of 50 slots each
  queueapi-work sample_app.jobs --burst              stop when nothing is left to do

environment:
  DATABASE_URL, or PGHOST, PGUSER, …   the PostgreSQL server
  QUEUES or QUEUE, CONCURRENCY, PROCESSES, VERBOSE   as the options

signals:
  TERM or INT once   claim no more, let running jobs finish, hand back the rest
  TERM or INT twice  hand back everything now
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The script ``queueapi``."""
    parser = argparse.ArgumentParser(
        prog="queueapi", description="Background jobs on PostgreSQL: set up the database, look at the queue, work it."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    migrate = commands.add_parser("migrate", help="bring the database's schema up to this version")
    migrate.add_argument("--dry-run", action="store_true", help="print the SQL, for a migration tool of your own")
    migrate.set_defaults(run=_migrate)
    commands.add_parser("status", help="show queues and workers").set_defaults(run=_status)
    cli_dead.add(commands)
    cli_cron.add(commands)
    _work_arguments(commands.add_parser("work", help="run jobs; the same as queueapi-work"))
    return _run(parser.parse_args(argv))


def work(argv: Sequence[str] | None = None) -> int:
    """The script ``queueapi-work``."""
    parser = argparse.ArgumentParser(prog="queueapi-work")
    _work_arguments(parser)
    return _run(parser.parse_args(argv))


def _work_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run jobs from PostgreSQL: a supervisor over worker processes, whose slots run a job at a time."
    )
    parser.epilog = _WORK
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "modules", nargs="+", metavar="MODULE", help="module to import jobs from, such as sample_app.jobs"
    )
    parser.add_argument(
        "-q", "--queue", action="append", dest="queues", metavar="NAME",
        help="queue to work; several are served in the order given (default: default)",
    )  # fmt: skip
    parser.add_argument("-c", "--concurrency", type=int, metavar="N", help="slots of a process (default: 20)")
    parser.add_argument("-p", "--processes", type=int, metavar="N", help="worker processes (default: 1)")
    parser.add_argument(
        "--grace", type=float, metavar="S", help="seconds that jobs may run on after TERM (default: 30)"
    )
    parser.add_argument(
        "--lease", type=float, metavar="S", help="seconds until a lost machine's jobs go back (default: 30)"
    )
    parser.add_argument("--burst", action="store_true", help="stop when nothing is left to do")
    parser.add_argument("--max-jobs", type=int, metavar="N")
    parser.add_argument("--max-memory", type=size, metavar="SIZE")
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--log-format", choices=("text", "json"))
    parser.add_argument("-v", "--verbose", action="store_true", default=None, help="log every job")
    parser.set_defaults(run=_work)


def _run(arguments: argparse.Namespace) -> int:
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except QueueAPIError as error:
        print(f"queueapi: {error}", file=sys.stderr)
        if isinstance(error, (SchemaMismatch, MigrationRefused)):
            return WRONG_SCHEMA
        return WRONG_SETTINGS if isinstance(error, SettingsError) else 1


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


def _status(arguments: argparse.Namespace) -> int:
    from queueapi.postgres.connection import connect
    from queueapi.postgres.migrate import check
    from queueapi.postgres.sessions import Dedicated
    from queueapi.postgres.upkeep import Upkeep
    from queueapi.tables import queues_table, workers_table

    settings = Settings.from_env()
    session = Dedicated(lambda: connect(settings.database_url, "queueapi status", settings.connect_timeout))
    try:
        check(session.connection())
        upkeep = Upkeep(session)
        print(queues_table(upkeep.counts()))
        print()
        print(workers_table(upkeep.workers()))
    finally:
        session.close()
    return 0


def _work(arguments: argparse.Namespace) -> int:
    from queueapi.events import Events
    from queueapi.logs import configure
    from queueapi.worker.sentences import Sentences
    from queueapi.worker.supervisor import Supervisor

    queues = tuple(word for text in arguments.queues or () for word in words(text))
    settings = Settings.from_env(
        queues=queues or None,
        concurrency=arguments.concurrency,
        processes=arguments.processes,
        grace=arguments.grace,
        lease=arguments.lease,
        verbose=arguments.verbose,
        max_jobs=arguments.max_jobs,
        max_memory=arguments.max_memory,
        log_format=arguments.log_format,
    )
    configure("supervisor", settings.verbose, settings.log_format)
    events = Events(Sentences(settings.verbose))
    return Supervisor(settings, arguments.modules, events, arguments.burst, arguments.reload).run()
