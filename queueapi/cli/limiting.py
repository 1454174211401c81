"""``queueapi limits``: how far limits are used up, and what they are from now on."""

from __future__ import annotations

import argparse

from queueapi import limits
from queueapi.cli import terminal
from queueapi.cli.words import Commands, number, runtime, span, taught
from queueapi.tables import limits_table

_NAME = "the kind whose class has it, or its name=; with :VALUE after it, of one value of its by="


def add(commands: Commands) -> None:
    """Add the command to the others."""
    command = commands.add_parser("limits", help="show limits and how far they are used up, or change them")
    taught(
        command,
        "Show the limits that were used lately, or said by hand; or say what one is, whatever its class says. That "
        "holds at once, on all workers, also for what already waits, until it is forgotten; what runs is not stopped.",
        "  queueapi limits\n"
        "  queueapi limits set shop.Import --slots 2             two at once\n"
        "  queueapi limits set shop.Import:42 --slots 20         more for tenant 42\n"
        "  queueapi limits set that-api --starts 20 --per 1m     20 begin in a minute\n"
        "  queueapi limits forget shop.Import                    as the class says",
    )
    command.set_defaults(run=_list)
    verbs = command.add_subparsers(metavar="[VERB]")
    setting = verbs.add_parser("set", help="say what a limit is, from now on")
    taught(
        setting,
        "Let no more than so many run at once, or begin in a time, whatever the class says.",
        "  queueapi limits set shop.Import --slots 2\n"
        "  queueapi limits set that-api --starts 20 --per 1m --bucket",
    )
    setting.add_argument("name", metavar="NAME", help=_NAME)
    setting.add_argument("--slots", type=number, metavar="N", help="at most so many at once")
    setting.add_argument("--starts", type=number, metavar="N", help="at most so many begin in the time of --per")
    setting.add_argument("--per", type=span, metavar="TIME", help="seconds, or 15m, 2h, 1d")
    setting.add_argument("--bucket", action="store_true", help="starts are given out evenly, and may be saved up")
    setting.set_defaults(run=_set, usage=setting.error)
    forgetting = verbs.add_parser("forget", help="let what the class says count again")
    taught(forgetting, "Let what the class says count again.", "  queueapi limits forget shop.Import")
    forgetting.add_argument("names", nargs="+", metavar="NAME", help=_NAME)
    forgetting.set_defaults(run=_forget)


def _list(arguments: argparse.Namespace) -> int:
    with runtime() as made:
        terminal.show(limits_table(made.controls.limits()))
    return 0


def _set(arguments: argparse.Namespace) -> int:
    name, slots, starts, per = arguments.name, arguments.slots, arguments.starts, arguments.per
    if (starts is None) != (per is None) or (starts is None and (slots is None or arguments.bucket)):
        arguments.usage("say what the limit is:  --slots 5,  or  --starts 100 --per 60")
    said: list[limits.Limit] = [] if slots is None else [limits.Concurrency(slots)]
    if starts is not None:
        said.append(limits.Rate(starts, per, bucket=arguments.bucket))
    with runtime() as made:
        for limit in said:
            key = limits.base(name, limit)
            if isinstance(limit, limits.Concurrency):
                made.controls.set_limit(key, limit.slots, None, None, False)
                print(f"{name}: {limit.slots:,} at once")
            else:
                made.controls.set_limit(key, None, limit.starts, per, limit.bucket)
                print(f"{name}: {limit.starts:,} in {per:g} s")
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    each = (limits.Concurrency(1), limits.Rate(1, 1))
    with runtime() as made:
        for name in arguments.names:
            known = made.controls.forget_limits([limits.base(name, one) for one in each])
            print(f"{name}: {'as its class says' if known else 'nothing was said by hand'}")
    return 0
