"""The command lines: they teach, they refuse in one sentence, and their exit codes tell a deployment what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from queueapi import cli
from queueapi.postgres.connection import connect
from queueapi.postgres.migrate import check, migrations

Sql = Callable[..., list[tuple[Any, ...]]]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "QUEUES", "QUEUE", "CONCURRENCY", "PROCESSES", "VERBOSE"):
        monkeypatch.delenv(name, raising=False)


def run(main: Callable[[list[str]], int], *words: str) -> int:
    try:
        return main(list(words))
    except SystemExit as end:
        return int(end.code or 0)


# -- help


def test_help_shows_every_command_with_what_it_is_for(capsys: Captured) -> None:
    assert run(cli.main, "--help") == 0
    said = capsys.readouterr().out
    for word in ("migrate", "status", "work", "push", "show", "cancel", "dead", "retry", "discard", "pause", "resume",
                 "purge", "cron", "bench", "bring the database's schema up", "show queues and workers"):  # fmt: skip
        assert word in said


@pytest.mark.parametrize("main", [cli.work, lambda words: cli.main(["work", *words])], ids=["queueapi-work", "work"])
def test_the_help_of_work_teaches_by_examples_and_names_variables_and_signals(
    main: Callable[[list[str]], int], capsys: Captured
) -> None:
    assert run(main, "--help") == 0
    said = capsys.readouterr().out
    for word in ("queueapi-work sample_app.jobs -q mail -q default", "--burst", "DATABASE_URL", "QUEUES", "CONCURRENCY",
                 "PROCESSES", "VERBOSE", "TERM or INT twice", "(default: 30)", "--max-memory", "--reload", "--check",
                 "TTIN", "-q mail,2 -q default,1", "that is a random\n  order"):  # fmt: skip
        assert word in said
    assert max(map(len, said.splitlines())) <= 80


def commands(capsys: Captured, *words: str) -> Iterator[list[str]]:
    """Every command, and every verb of those that have some."""
    assert run(cli.main, *words, "--help") == 0
    for name in re.findall(r"^    ([a-z]+)\b", capsys.readouterr().out, re.MULTILINE):
        yield [*words, name]
        if name in ("cron", "limits"):
            yield from commands(capsys, name)


def test_the_help_of_each_command_says_what_it_does_shows_examples_and_fits_eighty_columns(capsys: Captured) -> None:
    found = list(commands(capsys))
    assert len(found) == 21
    for words in found:
        assert run(cli.main, *words, "--help") == 0
        said = capsys.readouterr().out
        usage, description, _ = said.split("\n\n", 2)
        assert usage.startswith(f"usage: queueapi {' '.join(words)} ")
        assert re.match(r"[A-Z][^:]+.*\.$", description, re.DOTALL), words
        assert re.search(r"\nexamples:\n  queueapi(-work)? ", said), words
        assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("main", [cli.main, cli.work])
def test_no_words_at_all_show_how_it_is_used_and_fail(main: Callable[[list[str]], int], capsys: Captured) -> None:
    assert run(main) == 2
    assert "usage: queueapi" in capsys.readouterr().err


# -- wrong options: exit code 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-q", "old mail"], "queueapi: 'old mail' cannot be the name of a queue"),
        (["-q", "mail,,default"], "queueapi: '' cannot be the name of a queue"),
        (["-q", "mail,0"], "queueapi: 'mail=0': a weight is a whole number"),
        (["-q", "mail*", "-q", "!mail["], "queueapi: 'mail[' cannot be the name of a queue"),
        (["--max-jobs", "-1"], "queueapi: max_jobs is -1, and must be from 0 to"),
        (["-c", "0"], "queueapi: concurrency is 0, and must be from 1 to"),
        (["-p", "0"], "queueapi: processes is 0, and must be from 1 to"),
        (["--lease", "0.5"], "queueapi: lease is 0.5, and must be from 1 to"),
        (["--grace", "nan"], "queueapi: grace is nan, and must be from 0 to"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_exit_code_2(words: list[str], sentence: str, capsys: Captured) -> None:
    assert run(cli.work, "some.module", *words) == 2
    said = capsys.readouterr().err
    assert said.startswith(sentence)
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [["-c", "many"], ["--grace", "soon"], ["--max-memory", "much"], ["--log-format", "xml"], ["-A", "app"], ["--what"]],
)
def test_a_word_that_cannot_be_read_is_named(words: list[str], capsys: Captured) -> None:
    assert run(cli.work, "some.module", *words) == 2
    assert words[-1] in capsys.readouterr().err


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("CONCURRENCY", "many")
    assert run(cli.work, "some.module") == 2
    assert capsys.readouterr().err == "queueapi: CONCURRENCY is 'many', and should be a whole number\n"


# -- the database: exit codes 1 and 3


@pytest.mark.parametrize("command", ["status", "migrate", "work"])
def test_a_server_that_is_away_is_one_sentence_and_exit_code_1(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    assert run(cli.main, command, *(["m"] if command == "work" else [])) == 1
    said = capsys.readouterr().err
    assert said.startswith("queueapi: PostgreSQL did not connect: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["status", "work"])
def test_an_older_schema_is_one_sentence_and_exit_code_3(
    command: str, empty_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    assert run(cli.main, command, *(["m"] if command == "work" else [])) == 3
    assert re.fullmatch(r"queueapi: .* older than this code .*: run  queueapi migrate\n", capsys.readouterr().err)


@pytest.mark.parametrize("command", ["status", "work"])
def test_a_newer_schema_is_one_sentence_and_exit_code_3(
    command: str, dsn: str, sql: Sql, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    sql("insert into queueapi.migrations values (9999, 'future.sql', 'x')")
    monkeypatch.setenv("DATABASE_URL", dsn)
    assert run(cli.main, command, *(["m"] if command == "work" else [])) == 3
    assert "newer than this code" in capsys.readouterr().err


def test_an_edited_migration_is_exit_code_3(
    dsn: str, sql: Sql, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    sql("update queueapi.migrations set sha256 = 'x' where number = 1")
    monkeypatch.setenv("DATABASE_URL", dsn)
    assert run(cli.main, "migrate") == 3
    assert "was edited after it was applied" in capsys.readouterr().err


# -- migrate


def test_migrate_tells_each_file_and_what_it_comes_to(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    assert run(cli.main, "migrate") == 0
    names = [f"applied {migration.name}" for migration in migrations()]
    assert capsys.readouterr().out.splitlines() == [*names, f"{len(names)} applied, the schema is up to date"]
    assert run(cli.main, "migrate") == 0
    assert capsys.readouterr().out == "the schema is up to date\n"
    with psycopg.connect(empty_dsn) as connection:
        ((days,),) = connection.execute(
            "select count(*) from pg_class where relname ~ '^finished_[0-9]{8}$'"
        ).fetchall()
    assert days >= 8  # the partitions of the coming days, before the first worker starts


def test_a_dry_run_changes_nothing_and_what_it_prints_does_all(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    assert run(cli.main, "migrate", "--dry-run") == 0
    text = capsys.readouterr().out
    assert run(cli.main, "status") == 3
    with psycopg.connect(empty_dsn, autocommit=True) as plain:
        plain.execute(text.encode())
    with connect(empty_dsn, "tests", 5) as connection:
        check(connection)
    capsys.readouterr()
    assert run(cli.main, "migrate", "--dry-run") == 0
    assert capsys.readouterr().out == ""


# -- status


def test_status_shows_queues_and_workers(dsn: str, sql: Sql, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    assert run(cli.main, "status") == 0
    assert capsys.readouterr().out == "no jobs yet\n\nno workers: start  queueapi-work MODULE\n"
    sql("insert into queueapi.jobs (queue, kind) select 'mail', 'k' from generate_series(1, 1200)")
    sql("insert into queueapi.workers (id, name, queues, slots) values (gen_random_uuid(), 'host:1', '{mail}', 20)")
    assert run(cli.main, "status") == 0
    said = capsys.readouterr().out
    assert re.search(r"^queue +available +running +done +dead +latency$", said, re.M)
    assert re.search(r"^mail +1,200 +0 +0 +0 +\d+\.\d s$", said, re.M)
    assert re.search(r"^host:1 +mail +0 of 20 +\d+\.\d s +yes$", said, re.M)


# -- the scripts themselves


@pytest.mark.system
@pytest.mark.parametrize(
    "line", [["-m", "queueapi"], ["-c", "from queueapi.cli import main; raise SystemExit(main())"]]
)
def test_the_ways_to_call_it_come_to_the_same(line: list[str], empty_dsn: str) -> None:
    done = subprocess.run(
        [sys.executable, *line, "status"], env={"DATABASE_URL": empty_dsn}, capture_output=True, text=True
    )
    assert done.returncode == 3
    assert done.stderr.startswith("queueapi: the database's schema is older")
    assert done.stdout == ""
