"""The scripts: which commands there are, and what their errors become. A new command is a file, and a line here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Final

from queueapi.cli import benching, cron, dead, jobs, limiting, looking, migrating, pausing, purging, working
from queueapi.errors import MigrationRefused, QueueAPIError, SchemaMismatch, SettingsError

# 2 is argparse's own for wrong words; 3 tells a deployment that the schema and the code do not fit.
WRONG_SETTINGS, WRONG_SCHEMA = 2, 3

# What adds a command, or a few that belong together, in the order in which help shows them.
_COMMANDS: Final = (
    migrating.add,
    working.add,
    looking.add,
    jobs.add,
    dead.add,
    pausing.add,
    limiting.add,
    purging.add,
    cron.add,
    benching.add,
)


def main(argv: Sequence[str] | None = None) -> int:
    """The script ``queueapi``."""
    parser = argparse.ArgumentParser(
        prog="queueapi", description="Background jobs on PostgreSQL: set up the database, look at the queue, work it.",
        epilog="queueapi COMMAND --help  says more. The server is that of DATABASE_URL, or of PGHOST, PGUSER, …",
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in _COMMANDS:
        add(commands)
    return _run(parser.parse_args(argv))


def work(argv: Sequence[str] | None = None) -> int:
    """The script ``queueapi-work``."""
    parser = argparse.ArgumentParser(prog="queueapi-work")
    working.arguments(parser)
    return _run(parser.parse_args(argv))


def _run(arguments: argparse.Namespace) -> int:
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except QueueAPIError as error:
        print(f"queueapi: {error}", file=sys.stderr)
        if isinstance(error, (SchemaMismatch, MigrationRefused)):
            return WRONG_SCHEMA
        return WRONG_SETTINGS if isinstance(error, SettingsError) else 1
    except KeyboardInterrupt:  # whoever watches ends it so
        return 130
    except BrokenPipeError:  # head(1) has seen enough
        sys.stderr.close()
        return 141
