"""What was measured is kept: a run that was broken off goes on where it was."""

from __future__ import annotations

from pathlib import Path

from benchmarks.samples import Ledger, Sample, Samples


def test_what_is_written_is_read_back_part_by_part(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "results")
    first = Sample("queueapi", 1, {"rate": 50_000.0}, "0.1.0", "queueapi-work", True, "", "2026-01-01", 0.5)
    ledger.append("drain", first)
    ledger.append("drain", Sample("faye, Node", 1, {}, skipped="there is no npm"))
    assert list(ledger.read("drain")) == [first, Sample("faye, Node", 1, {}, skipped="there is no npm")]
    assert len(ledger.read("latency")) == 0


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.append("drain", Sample("queueapi", 1, {"rate": 1.0}))
    with (tmp_path / "drain.jsonl").open("a") as file:
        file.write('{"contender": "queueapi", "round": 2, "val')
    assert [sample.round for sample in ledger.read("drain")] == [1]


def test_what_is_forgotten_is_gone_and_nothing_else_is(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for part in ("drain", "latency"):
        ledger.append(part, Sample("queueapi", 1, {"rate": 1.0}))
    ledger.forget("drain")
    ledger.forget("drain")
    assert (len(ledger.read("drain")), len(ledger.read("latency"))) == (0, 1)


def test_who_was_measured_once_is_not_among_those_left_out() -> None:
    samples = Samples(
        [
            Sample("a", 1, {}, skipped="it died"),
            Sample("a", 1, {"rate": 1.0}),
            Sample("b", 0, {}, skipped="it is not to be had"),
        ]
    )
    assert samples.contenders() == ["a"]
    assert samples.skipped() == {"b": "it is not to be had"}
    assert samples.has("a", 1)
    assert not samples.has("b", 0)
