"""docs/features.md claims nothing that no test shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "features.md").read_text("utf-8")
LINES = TEXT.splitlines()
# Their own sections, and the one that stands beside those of other projects.
SECTIONS = re.split(r"^(?=## )", TEXT, flags=re.MULTILINE)
(BESIDE,) = [section for section in SECTIONS if section.startswith("## Beside the others")]
OURS = "".join(section for section in SECTIONS if section is not BESIDE)


def rows(text: str) -> list[list[str]]:
    """The cells of all rows of all tables, without their heads."""
    lines = text.splitlines()
    rules = [number for number, line in enumerate(lines) if re.match(r"\|[-|]+$", line)]
    heads = {number - 1 for number in rules}
    table = [line for number, line in enumerate(lines) if line.startswith("|") and number not in {*rules, *heads}]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def linked(cell: str) -> list[Path]:
    """The tests that it links to."""
    return [DOCS / link for link in re.findall(r"\]\((\.\./tests/[^)#]+)\)", cell)]


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    assert len(links) > 10
    assert [link for link in links if "://" not in link and not (DOCS / link).exists()] == []


def test_every_row_links_to_a_test() -> None:
    assert len(rows(OURS)) > 10
    assert [row for row in rows(OURS) if not linked(" ".join(row))] == []


def test_beside_the_others_each_cell_of_ours_links_to_files_with_tests_in_them_or_says_no() -> None:
    said = {row[0]: row[1] for row in rows(BESIDE)}
    assert len(said) == len(rows(BESIDE)) > 80, "a feature stands there twice"
    proven = {feature: linked(cell) for feature, cell in said.items() if cell != "no"}
    assert 0 < len(proven) < len(said)
    assert [feature for feature, files in proven.items() if not files] == []
    empty = {file.name for files in proven.values() for file in files if "def test_" not in file.read_text("utf-8")}
    assert empty == set()


def test_beside_the_others_every_project_has_an_answer_to_every_row() -> None:
    words = {"yes", "part", "add-on", "Pro", "Ent", "–", "?", "n/a"}
    times = re.compile(r"\d+&nbsp;(s|h)$")
    assert {len(row) for row in rows(BESIDE)} == {13}
    odd = [cell for row in rows(BESIDE) for cell in row[2:] if cell not in words and not times.match(cell)]
    assert odd == []


@pytest.mark.parametrize("mark", sorted(set(re.findall(r"\[\^(\w+)\](?!:)", BESIDE))))
def test_what_is_said_of_a_project_says_of_which_version(mark: str) -> None:
    (note,) = [line for line in LINES if line.startswith(f"[^{mark}]:")]
    assert re.search(r"\b20\d\d\b", note)
