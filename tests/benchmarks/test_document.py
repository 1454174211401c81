"""docs/performance.md: what is said of the samples."""

from __future__ import annotations

from pathlib import Path

from benchmarks import document
from benchmarks.parts import parts
from benchmarks.samples import Ledger
from tests.benchmarks.parts_for_tests import PART, ledger


def _lines(tmp_path: Path) -> list[str]:
    return document.text([PART], ledger(tmp_path)).splitlines()


def test_every_target_has_its_line_with_what_was_measured_and_whether_that_is_enough(tmp_path: Path) -> None:
    lines = _lines(tmp_path)
    assert "| [drain](#drain) | the best other: a & b × 2 | ≥ 2.5× | 2.00× (2.00–2.00) | 2 | **missed** |" in lines
    assert "| [drain again](#drain) | the best other: a & b × 2 | ≥ 1.5× | 2.00× (2.00–2.00) | 2 | met |" in lines
    assert "| [another](#drain) | nobody | ≥ 1× | not measured |  |  |" in lines


def test_every_contender_has_its_line_with_spread_version_and_command(tmp_path: Path) -> None:
    lines = _lines(tmp_path)
    assert "| **queueapi** | 45,000/s (40,000–50,000) | 2.00 ms (2.00–2.00) | 2 |" in lines
    assert "| a & b × 2 | 22,500/s (20,000–25,000) |  | 2 |" in lines
    assert "- queueapi 0.1.0: `queueapi-work -c 20`" in lines


def test_who_was_left_out_is_named_with_the_reason(tmp_path: Path) -> None:
    assert "- gone is left out: there is no npm here" in _lines(tmp_path)


def test_a_page_of_nothing_says_that_nothing_was_measured(tmp_path: Path) -> None:
    text = document.text([PART], Ledger(tmp_path))
    assert text.count("not measured") == len(PART.goals)
    assert "Nothing yet" in text
    assert "![" not in text


def test_the_page_and_a_picture_for_each_part_are_written(tmp_path: Path) -> None:
    page = document.write(tmp_path / "docs", [PART], ledger(tmp_path / "results"))
    picture = page.parent / "performance" / "drain.svg"
    assert page.read_text() == document.text([PART], ledger(tmp_path / "again"))
    assert f"(performance/{picture.name})" in page.read_text()
    assert picture.read_text().startswith("<svg")


def test_the_table_for_a_terminal_has_only_what_was_measured(tmp_path: Path) -> None:
    lines = document.table([PART], ledger(tmp_path)).splitlines()
    assert [line.split()[-1] for line in lines] == ["missed", "met"]


def test_every_measurement_has_goals_and_columns_that_they_can_be_read_from() -> None:
    known = parts()
    assert list(known)[:2] == ["drain", "waits"]
    assert [name for name, part in known.items() if not part.goals or not part.columns or not part.about] == []
    assert [name for name, part in known.items() if part.name != name] == []
