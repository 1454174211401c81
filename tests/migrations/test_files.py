"""The migration files themselves: what a reader may count on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "migrations").glob("*.sql"))


def test_there_are_some() -> None:
    assert len(FILES) >= 3


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_opens_with_why(file: Path) -> None:
    assert re.match(r"-- \w.{20,}\n", file.read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_stays_in_its_schema_and_has_no_trigger_function_or_transaction_of_its_own(file: Path) -> None:
    sql = re.sub(r"--.*", "", file.read_text()).lower()
    dropped = ("drop table", "drop column", "drop index")
    for word in ("trigger", "function", "procedure", "begin;", "commit", *dropped, "search_path"):
        assert word not in sql, word
    created = re.findall(r"create (?:unlogged )?table (\S+)", sql)
    indexed = re.findall(r"create (?:unique )?index \S+ on (\S+)", sql)
    altered = re.findall(r"alter table (\S+)", sql)
    assert created or altered
    assert all(name.startswith("queueapi.") for name in created + indexed + altered)
