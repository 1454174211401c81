"""``queueapi status``: queues, workers and what runs."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import msgspec

from queueapi.cli import terminal
from queueapi.cli.words import Commands, session, span, taught
from queueapi.tables import Table, queues_table, running_table, workers_table

if TYPE_CHECKING:
    from queueapi.postgres.glance import Glance


def add(commands: Commands) -> None:
    """Add the command to the others."""
    status = commands.add_parser("status", help="show queues and workers, and what runs")
    taught(
        status,
        "Show how many jobs each queue has in which state, the worker processes, and the jobs that have run longest. "
        "Of the jobs that are done or cancelled, the latest 100,000 are counted: a + says that there may be more.",
        "  queueapi status\n"
        "  queueapi status --watch        again and again, until Ctrl-C\n"
        "  queueapi status --watch 10s    every ten seconds\n"
        "  queueapi status --json         one JSON object, for programs",
    )
    status.add_argument("--json", action="store_true", help="one JSON object; with --watch, one a line")
    status.add_argument(
        "--watch", type=span, nargs="?", const=terminal.WATCH, metavar="EVERY",
        help=f"show it again and again (default: every {terminal.WATCH:.0f} s)",
    )  # fmt: skip
    status.set_defaults(run=_status)


def _status(arguments: argparse.Namespace) -> int:
    from queueapi.postgres.glance import Glance

    with session("status") as made:
        glance = Glance(made)
        if arguments.json:
            _print_json(glance, arguments.watch)
        elif arguments.watch is None:
            terminal.show(*_tables(glance))
        else:
            terminal.watch(arguments.watch, lambda: _tables(glance))
    return 0


def _tables(glance: Glance) -> list[Table]:
    running = glance.running()
    tables = [queues_table(glance.queues(), glance.pauses("queue")), workers_table(glance.workers())]
    return [*tables, running_table(running)] if running else tables


def _print_json(glance: Glance, every: float | None) -> None:
    while True:
        said = {
            "queues": [_named(row, "queue state jobs oldest_seconds more") for row in glance.queues()],
            "paused": {what: glance.pauses(what) for what in ("queue", "kind")},
            "workers": [_named(row, "name queues slots up_seconds seen_seconds busy") for row in glance.workers()],
            "running": [
                _named(row, "id kind queue attempt max_attempts worker seconds done total message")
                for row in glance.running()
            ],
        }
        print(msgspec.json.encode(said).decode(), flush=True)
        if every is None:
            return
        time.sleep(every)


def _named(row: tuple[object, ...], names: str) -> dict[str, object]:
    return dict(zip(names.split(), row, strict=True))
