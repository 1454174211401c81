"""How far a target is, read from samples."""

from __future__ import annotations

from benchmarks.goals import alone, beside
from benchmarks.samples import Sample, Samples


def _samples(**rates: list[float]) -> Samples:
    return Samples(
        [
            Sample(name.replace("_", " "), number, {"rate": rate})
            for name, seen in rates.items()
            for number, rate in enumerate(seen, 1)
        ]
    )


def test_a_figure_by_itself_is_its_median() -> None:
    verdict = alone("ours", "rate")(_samples(ours=[1.0, 9.0, 2.0]))
    assert verdict is not None
    assert (verdict.value.median, verdict.against) == (2.0, "")
    assert alone("ours", "rate")(_samples(other=[1.0])) is None


def test_ours_is_held_against_the_best_of_several() -> None:
    samples = _samples(ours=[100.0, 100.0], slow=[10.0, 10.0], fast=[50.0, 25.0])
    verdict = beside("ours", ["slow", "fast", "absent"], "rate")(samples)
    assert verdict is not None
    assert (verdict.against, verdict.value.median) == ("fast", 3.0)


def test_where_less_is_better_the_best_is_the_least() -> None:
    verdict = beside("ours", ["slow", "fast"], "rate", best=min)(_samples(ours=[2.0], slow=[9.0], fast=[4.0]))
    assert verdict is not None
    assert (verdict.against, verdict.value.median) == ("fast", 0.5)


def test_a_star_stands_for_all_that_begin_so_on_either_side() -> None:
    samples = _samples(ours_1=[100.0], ours_2=[200.0], other_1=[40.0], other_2=[10.0], ours=[999.0])
    verdict = beside("ours *", "other *", "rate")(samples)
    assert verdict is not None
    assert (verdict.against, verdict.value.median) == ("other 1", 5.0)


def test_nothing_is_said_where_one_side_is_missing() -> None:
    assert beside("ours", "other", "rate")(_samples(ours=[1.0])) is None
    assert beside("ours", "other", "rate")(_samples(other=[1.0])) is None
