"""The commands for dead jobs: ``queueapi dead``, ``retry`` and ``discard``."""

from __future__ import annotations

import argparse
import itertools
import sys

from queueapi.cli import terminal
from queueapi.cli.words import Commands, number, queue, runtime, taught
from queueapi.deaths import Dead
from queueapi.handles import Handle
from queueapi.runtime import Runtime
from queueapi.tables import dead_table


def add(commands: Commands) -> None:
    """Add the commands to the others."""
    show = commands.add_parser("dead", help="show the jobs whose attempts are used up, the newest first")
    taught(
        show,
        "Show the jobs whose attempts are used up, and what each died of. They are kept until somebody retries or "
        "discards them.",
        "  queueapi dead\n  queueapi dead -q mail -n 100\n  queueapi show 1234    one of them, with its traceback",
    )
    show.add_argument("-n", type=number, default=20, metavar="N", help="how many at most (default: 20)")
    _queue(show)
    show.set_defaults(run=_show)
    for verb, sentence, more in (
        (
            "retry",
            "let dead jobs begin anew, with all their attempts",
            "They keep their ids, and what was to follow them still does. What is unique stays dead while its like "
            "waits or runs.",
        ),
        (
            "discard",
            "give up dead jobs: cancelled, they are kept as long as any outcome",
            "What was to follow them in a chain is cancelled with them.",
        ),
    ):
        command = commands.add_parser(verb, help=sentence)
        taught(
            command,
            f"{sentence[0].upper()}{sentence[1:]}. {more}",
            f"  queueapi {verb} 1234 1235\n  queueapi {verb} --all -q mail\n  queueapi {verb} --all",
        )
        command.add_argument("ids", nargs="*", type=int, metavar="ID", help="a job, as  queueapi dead  shows it")
        command.add_argument("--all", action="store_true", help="all dead jobs, or those of one queue")
        _queue(command)
        command.set_defaults(run=_deal, verb=verb, usage=command.error)


def _queue(command: argparse.ArgumentParser) -> None:
    command.add_argument("-q", "--queue", type=queue, metavar="NAME", help="of this queue only")


def _show(arguments: argparse.Namespace) -> int:
    with runtime() as made:
        shown = list(itertools.islice(_dead(made, arguments), arguments.n + 1))
    terminal.show(dead_table(shown[: arguments.n]))
    if len(shown) > arguments.n:
        print(f"and more: -n {arguments.n * 10}")
    return 0


def _deal(arguments: argparse.Namespace) -> int:
    verb = arguments.verb
    if bool(arguments.ids) == arguments.all or (arguments.ids and arguments.queue):
        arguments.usage("name the jobs, or say --all, with  -q NAME  for those of one queue")
    with runtime() as made:
        if arguments.all:
            dead = _dead(made, arguments)
            with terminal.counting(_DOING[verb]) as note:
                done, missed = dead.retry(note) if verb == "retry" else dead.discard(note), []
        else:
            missed = [id_ for id_ in arguments.ids if not getattr(Handle(made, id_), verb)()]
            done = len(arguments.ids) - len(missed)
    print(f"{done:,} {_PAST[verb]}")
    for id_ in missed:
        print(f"queueapi: job {id_} is not dead, so nothing was done to it", file=sys.stderr)
    return 1 if missed else 0


_DOING = {"retry": "retrying", "discard": "discarding"}
_PAST = {"retry": "back in their queues", "discard": "given up"}


def _dead(made: Runtime, arguments: argparse.Namespace) -> Dead:
    return Dead(made, arguments.queue)
