"""``queueapi pause`` and ``resume``."""

from __future__ import annotations

import argparse
from typing import Literal

from queueapi.cli.words import Commands, runtime, taught
from queueapi.names import checked_name


def add(commands: Commands) -> None:
    """Add the commands to the others."""
    for verb, help_, description in (
        ("pause", "let nothing of a queue or kind begin, on any worker",
         "Let nothing of a queue, or of a kind of job, begin, on any worker. What runs goes on; pushes still work."),
        ("resume", "let it begin again", "Let the jobs of a paused queue or kind begin again."),
    ):  # fmt: skip
        command = commands.add_parser(verb, help=help_)
        taught(command, description, f"  queueapi {verb} mail\n  queueapi {verb} --kind mail.Digest")
        command.add_argument("names", nargs="+", metavar="NAME", help="a queue, or with --kind a kind of job")
        command.add_argument("--kind", action="store_true", help="the names are those of kinds")
        command.set_defaults(run=_deal, verb=verb)


def _deal(arguments: argparse.Namespace) -> int:
    what: Literal["queue", "kind"] = "kind" if arguments.kind else "queue"
    names = [checked_name(what, name) for name in arguments.names]
    with runtime() as made:
        for name in names:
            if arguments.verb == "pause":
                print(f"{what} {name} {'is paused' if made.controls.pause(what, name) else 'was paused already'}")
            else:
                print(f"{what} {name} {'goes on' if made.controls.resume(what, name) else 'was not paused'}")
    return 0
