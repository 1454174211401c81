"""The SQL files: one statement a file, named as the verb that runs it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, LiteralString

Rows = list[tuple[Any, ...]]


@cache
def statement(verb: str) -> LiteralString:
    """The text of ``sql/<verb>.sql``. It is ours, so the type checker may trust it."""
    return (files("queueapi.postgres") / "sql" / f"{verb}.sql").read_text("utf-8")
