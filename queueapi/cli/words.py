"""What the commands share: how their words are read, and the way to the database."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from queueapi.errors import SettingsError
from queueapi.names import checked_name
from queueapi.runtime import Runtime
from queueapi.settings import Settings

if TYPE_CHECKING:
    from queueapi.postgres.sessions import Dedicated

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_UNITS = {"s": 1, "": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def taught(parser: argparse.ArgumentParser, description: str, examples: str) -> None:
    """Let the help say so, and show the examples as they are written."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = textwrap.fill(description, 78)
    parser.epilog = f"examples:\n{examples}"


def number(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    if not re.fullmatch(r"0*[1-9]\d{0,17}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def span(text: str) -> float:
    """Seconds, as people write them: ``90``, ``15m``, ``2h``, ``1d``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|min|h|d|)", text.strip(), re.ASCII)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: say seconds, or 15m, 2h, 1d")
    return float(found[1]) * _UNITS[found[2]]


def queue(text: str) -> str:
    """The name of a queue."""
    try:
        return checked_name("queue", text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


@contextmanager
def runtime() -> Iterator[Runtime]:
    """The backend that the environment names, closed after the block."""
    made = Runtime(Settings.from_env())
    try:
        yield made
    finally:
        made.pool.close()


@contextmanager
def session(command: str) -> Iterator[Dedicated]:
    """A connection of the command's own, to a database whose schema fits."""
    from queueapi.postgres.connection import connect
    from queueapi.postgres.migrate import check
    from queueapi.postgres.sessions import Dedicated

    settings = Settings.from_env()
    made = Dedicated(lambda: connect(settings.database_url, f"queueapi {command}", settings.connect_timeout))
    try:
        check(made.connection())
        yield made
    finally:
        made.close()
