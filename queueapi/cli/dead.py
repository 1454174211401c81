"""The commands for dead jobs: ``queueapi dead``, ``retry`` and ``discard``."""

from __future__ import annotations

import argparse
import itertools
import sys

from queueapi.cli import terminal
from queueapi.cli.words import Commands, number, queue, runtime
from queueapi.deaths import Dead
from queueapi.handles import Handle
from queueapi.runtime import Runtime
from queueapi.tables import dead_table


def add(commands: Commands) -> None:
    """Add the commands to the others."""
    show = commands.add_parser("dead", help="show the jobs whose attempts are used up, the newest first")
    show.add_argument("-n", type=number, default=20, metavar="N", help="how many at most (default: 20)")
    _queue(show)
    show.set_defaults(run=_show)
    for verb, sentence in (
        ("retry", "let dead jobs begin anew, with all their attempts"),
        ("discard", "give up dead jobs: cancelled, they are kept as long as any outcome"),
    ):
        command = commands.add_parser(verb, help=sentence, description=sentence)
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
