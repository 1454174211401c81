"""The commands for dead jobs: ``queueapi dead``, ``retry`` and ``discard``."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from queueapi.deaths import Dead
from queueapi.errors import NotUnique
from queueapi.handles import Handle
from queueapi.names import checked_name
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from queueapi.tables import dead_table


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the others."""
    show = commands.add_parser("dead", help="show the jobs whose attempts are used up, the newest first")
    show.add_argument("-n", type=_number, default=20, metavar="N", help="how many at most (default: 20)")
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
    command.add_argument("-q", "--queue", metavar="NAME", help="of this queue only")


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _show(arguments: argparse.Namespace) -> int:
    with _runtime() as runtime:
        shown = list(itertools.islice(_dead(runtime, arguments), arguments.n + 1))
    print(dead_table(shown[: arguments.n]))
    if len(shown) > arguments.n:
        print(f"and more: -n {arguments.n * 10}")
    return 0


def _deal(arguments: argparse.Namespace) -> int:
    verb = arguments.verb
    if bool(arguments.ids) == arguments.all or (arguments.ids and arguments.queue):
        arguments.usage("name the jobs, or say --all, with  -q NAME  for those of one queue")
    with _runtime() as runtime:
        if arguments.all:
            dead = _dead(runtime, arguments)
            done, missed = dead.retry() if verb == "retry" else dead.discard(), []
        else:
            missed = [said for id_ in arguments.ids if (said := _refused(Handle(runtime, id_), verb))]
            done = len(arguments.ids) - len(missed)
    print(f"{done:,} {_PAST[verb]}")
    for said in missed:
        print(f"queueapi: {said}", file=sys.stderr)
    return 1 if missed else 0


def _refused(handle: Handle, verb: str) -> str | None:
    try:
        done = handle.retry() if verb == "retry" else handle.discard()
    except NotUnique as error:
        return str(error)
    return None if done else f"job {handle.id} is not dead, so nothing was done to it"


_PAST = {"retry": "back in their queues", "discard": "given up"}


def _dead(runtime: Runtime, arguments: argparse.Namespace) -> Dead:
    return Dead(runtime, None if arguments.queue is None else checked_name("queue", arguments.queue))


@contextmanager
def _runtime() -> Iterator[Runtime]:
    runtime = Runtime(Settings.from_env())
    try:
        yield runtime
    finally:
        runtime.pool.close()
