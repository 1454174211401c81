"""The commands for single jobs: ``queueapi push``, ``show`` and ``cancel``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from queueapi.cli.words import Commands, queue, runtime, session, span, taught
from queueapi.errors import JobNotFound, SettingsError
from queueapi.handles import Handle
from queueapi.tables import job_lines


def add(commands: Commands) -> None:
    """Add the commands to the others."""
    push = commands.add_parser("push", help="push a job")
    taught(
        push,
        "Push a job, and print its id. Its arguments are checked by its class, which the modules define.",
        """\
  queueapi push -m myapp.jobs mail.Welcome '{"user_id": 7}'
  queueapi push -m myapp.jobs mail.Digest -q mail --delay 15m""",
    )
    push.add_argument("kind", metavar="KIND", help="the name of its class, as in  status  and  show")
    push.add_argument("args", metavar="JSON", nargs="?", default="{}", help="its fields, as an object (default: {})")
    push.add_argument(
        "-m", "--module", action="append", dest="modules", default=[], metavar="MODULE", help="import jobs from it"
    )
    push.add_argument("-q", "--queue", type=queue, metavar="NAME", help="instead of the queue that its class says")
    push.add_argument("--delay", type=span, metavar="TIME", help="not before: seconds, or 15m, 2h, 1d")
    push.add_argument("--priority", type=int, metavar="N", help="lower runs first (default: 0)")
    push.add_argument("--max-attempts", type=int, metavar="N", help="instead of what its class says")
    push.set_defaults(run=_push)
    show = commands.add_parser("show", help="show all that is known of a job")
    taught(
        show,
        "Show where a job is, what it was given and what came of it, with the traceback of its last failure; one that "
        "has ended, too, as long as it is kept.",
        "  queueapi show 1234\n  queueapi show 1234 --json    one JSON object, for programs",
    )
    show.add_argument("id", type=int, metavar="ID", help="as  push  prints it, and  status  and  dead  show it")
    show.add_argument("--json", action="store_true", help="one JSON object")
    show.set_defaults(run=_show)
    cancel = commands.add_parser("cancel", help="take back jobs that wait, and have those that run stop")
    taught(
        cancel,
        "Take back jobs that nobody has begun; those that run are told to stop, and do so at their next switch or "
        "report of progress. What was to follow them in a chain is cancelled with them.",
        "  queueapi cancel 1234\n  queueapi cancel 1234 1235",
    )
    cancel.add_argument("ids", nargs="+", type=int, metavar="ID", help="a job")
    cancel.set_defaults(run=_cancel)


def _push(arguments: argparse.Namespace) -> int:
    from queueapi import serializer
    from queueapi.kinds import kinds
    from queueapi.queues import Queue
    from queueapi.worker.importing import import_jobs

    if arguments.modules:
        import_jobs(arguments.modules, verbose=False)
    try:
        kind = kinds.named(arguments.kind)
    except LookupError as error:
        raise SettingsError(f"{error}: name the module that defines it, as in  -m myapp.jobs") from None
    try:
        job = serializer.loads(kind, arguments.args)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise SettingsError(f"{arguments.args} does not fit {kind.name}: {error}") from None
    said: dict[str, Any] = {
        name: value
        for name in ("queue", "delay", "priority", "max_attempts")
        if (value := getattr(arguments, name)) is not None
    }
    with runtime() as made:
        print(Queue(lambda: made).push(job, **said).id)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from queueapi.postgres.glance import Glance

    with session("show") as made:
        found = Glance(made).job(arguments.id)
    if found is None:
        raise JobNotFound(f"there is no job {arguments.id}: it was never pushed, or it has ended and was pruned")
    print(msgspec.json.encode(found).decode() if arguments.json else "\n".join(job_lines(found)))
    return 0


def _cancel(arguments: argparse.Namespace) -> int:
    missed = []
    with runtime() as made:
        for id_ in arguments.ids:
            if not Handle(made, id_).cancel():
                missed.append(id_)
    if done := len(arguments.ids) - len(missed):
        print(f"{done:,} cancelled")
    for id_ in missed:
        print(f"queueapi: there is no job {id_} that could be cancelled", file=sys.stderr)
    return 1 if missed else 0
