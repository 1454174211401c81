"""Who is measured when."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.errors import BenchmarkError
from benchmarks.pairing import measure, missing
from benchmarks.parts import Contender
from benchmarks.samples import Sample, Samples


class Log:
    """Contenders that say when they ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def contender(self, name: str, fails_at: int = 0) -> Contender:
        def run() -> Mapping[str, float]:
            self.ran.append(name)
            if fails_at and self.ran.count(name) == fails_at:
                raise BenchmarkError("it died")
            return {"rate": float(len(self.ran))}

        return Contender(name, run, "1.0", f"start {name}", name == "a")


def _measure(contenders: list[Contender], samples: Samples, rounds: int) -> tuple[list[Sample], list[str]]:
    written: list[Sample] = []
    append: Callable[[Sample], None] = written.append
    return written, measure(contenders, samples, rounds, append, lambda text, left: None)


def test_contenders_take_turns_round_by_round() -> None:
    log = Log()
    written, troubles = _measure([log.contender("a"), log.contender("b")], Samples(), 2)
    assert log.ran == ["a", "b", "a", "b"]
    assert [(sample.contender, sample.round) for sample in written] == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert (written[0].version, written[0].command, written[0].ours) == ("1.0", "start a", True)
    assert troubles == []


def test_a_run_goes_on_where_it_was_broken_off() -> None:
    log = Log()
    contenders = [log.contender("a"), log.contender("b")]
    before = Samples([Sample("a", 1, {"rate": 1.0}), Sample("b", 1, {"rate": 1.0}), Sample("a", 2, {"rate": 1.0})])
    assert [(number, contender.name) for number, contender in missing(contenders, before, 3)] == [
        (2, "b"), (3, "a"), (3, "b"),
    ]  # fmt: skip
    written, _ = _measure(contenders, before, 3)
    assert [(sample.contender, sample.round) for sample in written] == [("b", 2), ("a", 3), ("b", 3)]
    assert missing(contenders, before, 3) == []


def test_who_fails_is_left_out_from_then_on_and_the_others_go_on() -> None:
    log = Log()
    written, troubles = _measure([log.contender("a"), log.contender("b", fails_at=2)], Samples(), 3)
    assert log.ran == ["a", "b", "a", "b", "a"]
    assert [sample.skipped for sample in written] == ["", "", "", "it died", ""]
    assert troubles == ["b: it died"]
