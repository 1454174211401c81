"""docs/push.md claims nothing that no test shows."""

from __future__ import annotations

import re

import pytest

from tests.architecture.test_features import DOCS, linked, rows

TEXT = (DOCS / "push.md").read_text("utf-8")
TABLES = TEXT.partition("## What an explicit reset looks like")[0]


def test_every_link_leads_somewhere() -> None:
    assert [link for link in re.findall(r"\]\(([^)#]+)", TEXT) if not (DOCS / link).exists()] == []


def test_each_cell_of_ours_links_to_files_with_tests_in_them_or_says_no() -> None:
    said = {row[0]: row[1] for row in rows(TABLES)}
    assert len(said) == len(rows(TABLES)) > 40, "a feature stands there twice"
    proven = {feature: linked(cell) for feature, cell in said.items() if cell != "no"}
    assert 0 < len(proven) < len(said)
    assert [feature for feature, files in proven.items() if not files] == []
    empty = {file.name for files in proven.values() for file in files if "def test_" not in file.read_text("utf-8")}
    assert empty == set()


def test_every_project_has_an_answer_to_every_row() -> None:
    assert {len(row) for row in rows(TABLES)} == {13}
    words = {"yes", "part", "add-on", "Pro", "–", "?", "n/a"}
    assert [cell for row in rows(TABLES) for cell in row[2:] if cell not in words] == []


@pytest.mark.parametrize("mark", sorted(set(re.findall(r"\[\^(\w+)\](?!:)", TABLES))))
def test_what_is_said_of_a_project_says_of_which_version(mark: str) -> None:
    (note,) = [line for line in TEXT.splitlines() if line.startswith(f"[^{mark}]:")]
    assert re.search(r"\b20\d\d\b", note)
