"""Numbers: what a benchmark makes of its samples."""

from __future__ import annotations

import pytest

from benchmarks.figures import Target, number, percentile, ratio, spread, summary


def test_a_floor_is_met_by_what_is_above_it_and_a_ceiling_by_what_is_below() -> None:
    assert [Target(2.0).met(value) for value in (1.9, 2.0, 2.1)] == [False, True, True]
    assert [Target(2.0, at_least=False).met(value) for value in (1.9, 2.0, 2.1)] == [True, True, False]
    assert (str(Target(2.5)), str(Target(40, at_least=False))) == ("≥ 2.5", "≤ 40")


@pytest.mark.parametrize(
    ("value", "text"), [(31_427.0, "31,400"), (1000.0, "1,000"), (431.4, "431"), (12.34, "12.3"), (0.943, "0.94")]
)
def test_a_number_shows_three_figures_and_no_more(value: float, text: str) -> None:
    assert number(value) == text


def test_a_percentile_is_a_value_that_was_seen() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, 50) == 51.0
    assert percentile(values, 99) == 100.0
    assert percentile([7.0], 99) == 7.0


def test_a_summary_is_the_median_with_its_spread() -> None:
    found = summary([40_000.0, 60_000.0, 50_000.0])
    assert found is not None
    assert (found.median, found.least, found.most, found.rounds) == (50_000.0, 40_000.0, 60_000.0, 3)
    assert spread(found) == "40,000–60,000"
    assert summary([]) is None


def test_one_round_has_no_spread() -> None:
    found = summary([5.0])
    assert found is not None
    assert spread(found) == ""


def test_a_ratio_is_taken_within_each_round_so_that_a_slow_moment_slows_both() -> None:
    # The second round ran on a busy machine: by medians alone the ratio would be 100 / 60.
    found = ratio({1: 100.0, 2: 50.0, 3: 120.0}, {1: 50.0, 2: 25.0, 3: 60.0})
    assert found is not None
    assert (found.median, found.least, found.most) == (2.0, 2.0, 2.0)


def test_a_round_that_only_one_of_both_has_is_in_no_ratio() -> None:
    found = ratio({1: 100.0, 2: 10.0}, {1: 50.0, 3: 1.0})
    assert found is not None
    assert (found.median, found.rounds) == (2.0, 1)
    assert ratio({1: 100.0}, {2: 50.0}) is None
