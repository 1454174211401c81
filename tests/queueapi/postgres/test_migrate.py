"""Migrations: in order, once, by whoever comes first; and what was applied stays as it was."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from queueapi import MigrationRefused, SchemaMismatch, Settings
from queueapi.postgres import migrate as module
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.migrate import Migration, check, migrate, migrations, script
from queueapi.runtime import Runtime

CATALOGUE = """
select 'column', table_name, column_name, data_type, column_default, is_nullable
from information_schema.columns where table_schema = 'queueapi'
union all
select 'index', tablename, indexname, indexdef, null, null from pg_indexes where schemaname = 'queueapi'
union all
select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), null, null
from pg_constraint where connamespace = 'queueapi'::regnamespace
union all
select 'options', relname, relkind::text, array_to_string(reloptions, ','), relpersistence::text, null
from pg_class where relnamespace = 'queueapi'::regnamespace
order by 1, 2, 3, 4
"""


@pytest.fixture
def empty(empty_dsn: str) -> Iterator[Connection]:
    with connect(empty_dsn, "tests", 5) as connection:
        yield connection


def catalogue(connection: psycopg.Connection[Any]) -> list[Any]:
    return connection.execute(CATALOGUE.encode()).fetchall()


def recorded(connection: psycopg.Connection[Any]) -> list[Any]:
    return connection.execute("select number, name, sha256 from queueapi.migrations order by number").fetchall()


def quiet(_: Migration) -> None: ...


def test_the_files_are_numbered_from_one_without_a_gap_and_known_by_their_bytes() -> None:
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))
    for migration in migrations():
        raw = (Path(module.__file__).parents[2] / "migrations" / migration.name).read_bytes()
        assert migration.sha256 == hashlib.sha256(raw).hexdigest()


def test_all_are_applied_in_order_and_recorded_and_told_one_by_one(empty: Connection) -> None:
    told: list[str] = []
    assert migrate(empty, lambda migration: told.append(migration.name)) == len(migrations())
    assert told == [migration.name for migration in migrations()]
    assert recorded(empty) == [(m.number, m.name, m.sha256) for m in migrations()]
    check(empty)


def test_twice_is_harmless(empty: Connection) -> None:
    migrate(empty, quiet)
    before = catalogue(empty)
    assert migrate(empty, quiet) == 0
    assert catalogue(empty) == before


def test_two_at_once_are_harmless_and_apply_each_once(empty_dsn: str) -> None:
    applied: list[str] = []
    failed: list[BaseException] = []
    barrier = threading.Barrier(4)

    def run() -> None:
        try:
            with connect(empty_dsn, "tests", 5) as connection:
                barrier.wait(10)
                migrate(connection, lambda migration: applied.append(migration.name))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert sorted(applied) == [migration.name for migration in migrations()]


def test_a_failing_migration_leaves_nothing_of_itself_and_the_earlier_ones_applied(
    empty: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Migration(len(migrations()) + 1, "9999_bad.sql", "create table queueapi.half (); select 1/0;", "x")
    known = migrations()
    monkeypatch.setattr(module, "migrations", lambda: (*known, bad))
    with pytest.raises(Exception, match="division by zero"):
        migrate(empty, quiet)
    assert len(recorded(empty)) == len(known)
    assert empty.execute("select to_regclass('queueapi.half')").fetchone() == (None,)
    monkeypatch.setattr(module, "migrations", lambda: (*known, bad._replace(text="create table queueapi.half ();")))
    assert migrate(empty, quiet) == 1  # the lock was given back


def test_an_applied_file_that_was_edited_is_refused_by_name(empty: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(empty, quiet)
    first, *others = migrations()
    edited = first._replace(text=f"{first.text}\n-- harmless", sha256="0" * 64)
    monkeypatch.setattr(module, "migrations", lambda: (edited, *others))
    with pytest.raises(MigrationRefused, match=f"migration {first.name} was edited after it was applied"):
        migrate(empty, quiet)
    with pytest.raises(MigrationRefused):
        list(script(empty))


def test_an_applied_file_that_is_missing_is_refused_by_name(empty: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(empty, quiet)
    *others, last = migrations()
    monkeypatch.setattr(module, "migrations", lambda: tuple(others))
    with pytest.raises(MigrationRefused, match=f"migration {last.name} was applied .* its file is missing"):
        migrate(empty, quiet)


def test_a_schema_that_is_older_or_newer_or_not_there_is_one_sentence_with_the_remedy(
    empty_dsn: str, empty: Connection
) -> None:
    runtime = Runtime(Settings(database_url=empty_dsn))
    with pytest.raises(SchemaMismatch, match=r"older than this code \(0 of \d+ migrations\): run  queueapi migrate"):
        runtime.check()
    migrate(empty, quiet)
    runtime.check()
    empty.execute("delete from queueapi.migrations where number = 1")
    with pytest.raises(SchemaMismatch, match="older than this code"):
        runtime.check()
    empty.execute("insert into queueapi.migrations values (1, 'a', 'x'), (9998, 'b', 'x'), (9999, 'c', 'x')")
    with pytest.raises(SchemaMismatch, match=r"newer than this code .* install the version of queueapi"):
        runtime.check()
    runtime.pool.close()


def test_the_script_applied_by_another_tool_gives_the_same_schema_and_is_accepted(dsn: str, empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as plain:
        plain.execute("".join(script(None)).encode())
    with connect(empty_dsn, "tests", 5) as scripted, connect(dsn, "tests", 5) as migrated:
        check(scripted)
        assert list(script(scripted)) == []
        assert migrate(scripted, quiet) == 0
        assert recorded(scripted) == recorded(migrated)
        made_by_day = "_20"  # the partitions of this week are upkeep's, not the migrations'
        theirs = [row for row in catalogue(migrated) if made_by_day not in str(row)]
        assert catalogue(scripted) == theirs


def test_the_script_for_a_half_migrated_database_is_what_is_missing(empty: Connection) -> None:
    *others, last = migrations()
    empty.execute("create schema queueapi")
    empty.execute(module._RECORD)
    for migration in others:
        empty.execute(migration.text)
        empty.execute(migration.note)
    text = "".join(script(empty))
    assert f"-- {last.name}" in text
    assert f"-- {others[0].name}" not in text
    empty.execute(text.encode())
    check(empty)
