"""Migrations: numbered SQL files, forward only, each in a transaction, applied once by whoever comes first."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from queueapi.errors import MigrationRefused, SchemaMismatch
from queueapi.postgres.connection import Connection, translated

# Any number that other software is unlikely to lock; all migrators of a database meet at it.
_LOCK = 7_306_372_914
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

# The record of what was applied. Stands here, since it must be there before the first file.
_RECORD: LiteralString = """
create schema if not exists queueapi;
create table if not exists queueapi.migrations (
    number     integer primary key,
    name       text not null,
    sha256     text not null,
    applied_at timestamptz not null default now()
)"""
_NOTE = sql.SQL("insert into queueapi.migrations (number, name, sha256) values ({}, {}, {})")


class Migration(NamedTuple):
    """A file of ``migrations/``. ``sha256`` is of its bytes."""

    number: int
    name: str
    text: LiteralString  # ours, so the type checker may trust it
    sha256: str

    @property
    def note(self) -> sql.Composed:
        """The statement that records it as applied."""
        return _NOTE.format(self.number, self.name, self.sha256)


@cache
def migrations() -> tuple[Migration, ...]:
    """The files that came with this code, in order."""
    found = []
    for file in _folder().iterdir():
        if match := _NAME.fullmatch(file.name):
            raw = file.read_bytes()
            found.append(Migration(int(match[1]), file.name, raw.decode(), hashlib.sha256(raw).hexdigest()))
    return tuple(sorted(found))


def _folder() -> Any:
    """Inside the wheel; in a checkout, at the top of the tree."""
    inside = files("queueapi.postgres") / "migrations"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "migrations"


def migrate(connection: Connection, applied: Callable[[Migration], None]) -> int:
    """Apply what is missing. Safe to run twice, and by two at once: the second waits, and finds nothing to do.

    Args:
        connection: in autocommit. It must reach PostgreSQL itself: a transaction pool would lose the lock.
        applied: told of each file once it is committed.

    Returns:
        How many were applied.

    Raises:
        MigrationRefused: an applied file was edited or is missing, or a pooler is in between.
        StoreUnavailable: the server is away.
    """
    if connection.pooled:
        raise MigrationRefused(
            "a pooler stands before PostgreSQL, which would lose the lock that keeps two from migrating at once: "
            "give the server's own address as DATABASE_URL, for this command"
        )
    connection.answer_within = None  # an index on a large table takes as long as it takes
    with translated("migrate"):
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        try:
            connection.execute(_RECORD)
            pending = _pending(connection)
            for migration in pending:
                with connection.transaction():
                    connection.execute(migration.text)
                    connection.execute(migration.note)
                applied(migration)
            return len(pending)
        finally:
            if not connection.broken:
                connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))


def script(connection: Connection | None) -> Iterator[str]:
    """The SQL that :func:`migrate` would run, for people who apply it with a tool of their own.

    Args:
        connection: None stands for an empty database.
    """
    pending = _pending(connection) if connection else migrations()
    if pending:
        yield _RECORD.strip() + ";\n"
    for migration in pending:
        yield f"\n-- {migration.name}\nbegin;\n{migration.text.strip()}\n{migration.note.as_string()};\ncommit;\n"


def check(connection: Connection) -> None:
    """Refuse to work on a schema that this code does not know.

    Raises:
        SchemaMismatch: it is older or newer; the sentence says which, and the remedy.
        StoreUnavailable: the server is away.
    """
    with translated("check the schema"):
        known, there = len(migrations()), len(_recorded(connection))
    if there < known:
        raise SchemaMismatch(
            f"the database's schema is older than this code ({there} of {known} migrations): run  queueapi migrate"
        )
    if there > known:
        raise SchemaMismatch(
            f"the database's schema is newer than this code ({there} migrations, {known} known): "
            "install the version of queueapi that migrated it"
        )


def _pending(connection: Connection) -> tuple[Migration, ...]:
    files_ = {migration.number: migration for migration in migrations()}
    recorded = _recorded(connection)
    for number, (name, sha256) in recorded.items():
        if number not in files_:
            raise MigrationRefused(
                f"migration {name} was applied to this database and its file is missing: "
                "install the version of queueapi that it belongs to"
            )
        if files_[number].sha256 != sha256:
            raise MigrationRefused(
                f"migration {name} was edited after it was applied: restore the file, and put the change into a new one"
            )
    return tuple(migration for number, migration in files_.items() if number not in recorded)


def _recorded(connection: Connection) -> dict[int, tuple[str, str]]:
    try:
        rows = connection.execute("select number, name, sha256 from queueapi.migrations order by number").fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return {}
    return {number: (name, sha256) for number, name, sha256 in rows}
