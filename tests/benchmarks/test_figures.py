"""The pure parts of the benchmark: what it says of the figures that it has."""

from __future__ import annotations

import pytest

from benchmarks.figures import Figure, Target, number, percentile, table


def test_a_figure_above_its_floor_is_met_and_one_below_is_missed() -> None:
    assert Figure("drain", "ratio", 2.1, "×", target=Target(2.0)).met is True
    assert Figure("drain", "ratio", 1.9, "×", target=Target(2.0)).met is False


def test_a_figure_below_its_ceiling_is_met_and_one_above_is_missed() -> None:
    assert Figure("held", "own channel", 5.9, "KiB", target=Target(6.0, at_least=False)).met is True
    assert Figure("held", "own channel", 6.1, "KiB", target=Target(6.0, at_least=False)).met is False


def test_a_figure_of_which_nothing_is_asked_is_neither() -> None:
    assert Figure("drain", "jobs", 1.0, "jobs/s").met is None


@pytest.mark.parametrize(
    ("value", "text"), [(31_427.0, "31,400"), (1000.0, "1,000"), (431.4, "431"), (12.34, "12.3"), (0.943, "0.94")]
)
def test_a_number_shows_three_figures_and_no_more(value: float, text: str) -> None:
    assert number(value) == text


def test_the_table_shows_each_part_once_and_says_what_was_missed() -> None:
    figures = [
        Figure("drain", "ours", 50_000.0, "jobs/s", (40_000.0, 50_000.0, 60_000.0)),
        Figure("drain", "ours ÷ theirs", 1.25, "×", target=Target(2.0)),
        Figure("held", "own channel", 3.0, "KiB", target=Target(6.0, at_least=False), note="the whole: 50 MiB"),
    ]
    lines = table(figures).splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == ["drain", "held"]
    assert lines[1].split() == ["ours", "50,000", "jobs/s", "40,000–60,000"]
    assert lines[2].split()[-3:] == ["≥", "2", "MISSED"]
    assert lines[5].split()[-3:] == ["≤", "6", "met"]
    assert lines[6].strip() == "the whole: 50 MiB"


def test_the_table_of_nothing_is_empty() -> None:
    assert table([]) == ""


def test_a_percentile_is_a_value_that_was_seen() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, 50) == 51.0
    assert percentile(values, 99) == 100.0
    assert percentile([7.0], 99) == 7.0


def test_what_is_written_as_json_says_whether_the_target_was_met() -> None:
    data = Figure("drain", "ratio", 2.1, "×", (2.0, 2.1), Target(2.0)).data()
    assert data["met"] is True
    assert data["target"] == {"value": 2.0, "at_least": True}
    assert data["samples"] == (2.0, 2.1)
