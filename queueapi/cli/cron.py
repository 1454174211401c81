"""The command ``queueapi cron``: schedules listed, paused, resumed, and run at once."""

from __future__ import annotations

import argparse

from queueapi.cli import terminal
from queueapi.cli.words import Commands, taught
from queueapi.crontabs import Crontab
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from queueapi.tables import crons_table

_VERBS = {
    "list": "show all schedules (the default)",
    "pause": "let a schedule push nothing, until it is resumed",
    "resume": "let it push again, from its next time on",
    "run": "push its job now, whatever its time",
}


def add(commands: Commands) -> None:
    """Add the command to the others."""
    cron = commands.add_parser("cron", help="show, pause, resume or run what is pushed by the clock")
    taught(
        cron,
        "Show the schedules that workers have told the database of, when each is next and what it pushed last; or stop "
        "one, let it go on, or have its job now. A pause holds on all workers, also after they are started again.",
        "  queueapi cron\n  queueapi cron pause nightly\n  queueapi cron run nightly",
    )
    cron.set_defaults(run=_list)
    verbs = cron.add_subparsers(metavar="[VERB]")
    for verb, sentence in _VERBS.items():
        parser = verbs.add_parser(verb, help=sentence)
        example = f"  queueapi cron {verb}" if verb == "list" else f"  queueapi cron {verb} nightly"
        taught(parser, f"{sentence[0].upper()}{sentence[1:]}.", example)
        parser.set_defaults(run=_list if verb == "list" else _deal, verb=verb)
        if verb != "list":
            parser.add_argument("names", nargs="+", metavar="NAME", help="a schedule, as  queueapi cron  shows it")


def _list(arguments: argparse.Namespace) -> int:
    runtime = Runtime(Settings.from_env())
    try:
        terminal.show(crons_table(Crontab(lambda: runtime)))
    finally:
        runtime.pool.close()
    return 0


def _deal(arguments: argparse.Namespace) -> int:
    runtime = Runtime(Settings.from_env())
    crontab = Crontab(lambda: runtime)
    try:
        for name in arguments.names:
            print(f"{name}: {_DEALS[arguments.verb](crontab, name)}")
    finally:
        runtime.pool.close()
    return 0


def _pause(crontab: Crontab, name: str) -> str:
    crontab.pause(name)
    return "paused"


def _resume(crontab: Crontab, name: str) -> str:
    crontab.resume(name)
    (entry,) = (entry for entry in crontab if entry.name == name)
    return f"next at {entry.next_at:%Y-%m-%d %H:%M:%S %Z}"


def _push(crontab: Crontab, name: str) -> str:
    return f"job {crontab.run(name).id}"


_DEALS = {"pause": _pause, "resume": _resume, "run": _push}
