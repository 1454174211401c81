"""``queueapi purge``: to be rid of what waits in a queue."""

from __future__ import annotations

import argparse
import sys

from queueapi import serializer
from queueapi.cli import terminal
from queueapi.cli.words import Commands, queue, runtime, taught


def add(commands: Commands) -> None:
    """Add the command to the others."""
    purge = commands.add_parser("purge", help="discard what waits in a queue")
    taught(
        purge,
        "Discard all jobs of a queue that nobody has claimed. They are kept as cancelled, as long as any outcome. "
        "What runs goes on.",
        "  queueapi purge mail          asks first\n"
        "  queueapi purge mail --yes    does not",
    )
    purge.add_argument("queue", type=queue, metavar="QUEUE")
    purge.add_argument("--yes", action="store_true", help="do not ask")
    purge.set_defaults(run=_purge)


def _purge(arguments: argparse.Namespace) -> int:
    from queueapi.postgres.waiting import Waiting

    name = arguments.queue
    with runtime() as made:
        waiting = Waiting(made.pool)
        count = waiting.size(name)
        if not arguments.yes and not terminal.confirmed(f"Discard {count:,} waiting jobs of {name}?"):
            print("queueapi: nothing was discarded; --yes does it unasked", file=sys.stderr)
            return 1
        error = serializer.error_dumps("Cleared", f"queueapi purge {name}")
        with terminal.counting(f"purging {name}", count) as note:
            done = waiting.clear(name, error, made.settings.result_ttl, note)
    print(f"{done:,} discarded")
    return 0
