"""Progress from the job's side."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable

import pytest

import queueapi
from queueapi import reporting
from queueapi.reporting import INTERVAL, Reporter


class Stores:
    """A reporter that keeps what it was given to store, and counts what it noted."""

    def __init__(self) -> None:
        self.stored: list[tuple[float, float | None, str | None]] = []
        self.noted = 0
        self.reporter = Reporter(self._store, self._note)

    def _store(self, reporter: Reporter) -> None:
        self.stored.append((reporter.done, reporter.total, reporter.message))

    def _note(self, _: Reporter) -> None:
        self.noted += 1


def run_as_job(stores: Stores, work: Callable[[], object]) -> None:
    def job() -> None:
        reporting.use(stores.reporter)
        work()

    contextvars.copy_context().run(job)


def test_the_first_report_is_stored_at_once_and_a_tight_loop_a_few_times_a_second() -> None:
    stores = Stores()
    since = time.monotonic()
    for number in range(10_000):
        stores.reporter.report(number, 10_000, "counting")
    at_most = (time.monotonic() - since) / INTERVAL + 1
    assert stores.stored[0] == (0, 10_000, "counting")
    assert len(stores.stored) <= at_most
    assert stores.noted == 10_000
    assert stores.reporter.done == 9_999  # the last word is kept, stored or not


def test_progress_reports_for_the_job_of_its_context_and_for_no_other() -> None:
    one, other = Stores(), Stores()
    run_as_job(one, lambda: queueapi.progress(1, 2, "one"))
    run_as_job(other, lambda: queueapi.progress(3, 4))
    queueapi.progress(5)
    assert one.stored == [(1, 2, "one")]
    assert other.stored == [(3, 4, None)]


def test_a_thread_of_its_own_reports_only_if_it_was_given_the_context() -> None:
    stores = Stores()

    def work() -> None:
        context = contextvars.copy_context()
        without = threading.Thread(target=queueapi.progress, args=(1,))
        given = threading.Thread(target=context.run, args=(queueapi.progress, 2))
        for thread in (without, given):
            thread.start()
            thread.join()

    run_as_job(stores, work)
    assert stores.stored == [(2, None, None)]


def test_walking_counts_what_has_been_dealt_with_out_of_what_there_is() -> None:
    stores, seen = Stores(), []

    def work() -> None:
        for item in queueapi.progress(["a", "b", "c"], message="letters"):
            seen.append((item, stores.reporter.done))

    run_as_job(stores, work)
    assert seen == [("a", 0), ("b", 1), ("c", 2)]
    assert (stores.reporter.done, stores.reporter.total, stores.reporter.message) == (3, 3, "letters")


def test_walking_what_has_no_length_reports_no_total_unless_told() -> None:
    stores = Stores()
    run_as_job(stores, lambda: list(queueapi.progress(iter("ab"))))
    assert (stores.reporter.done, stores.reporter.total) == (2, None)
    run_as_job(stores, lambda: list(queueapi.progress(iter("ab"), 7)))
    assert (stores.reporter.done, stores.reporter.total) == (2, 7)


def test_undoing_use_gives_the_former_reporter_back() -> None:
    outer, inner = Stores(), Stores()

    def work() -> None:
        token = reporting.use(inner.reporter)
        queueapi.progress(1)
        reporting.leave(token)
        queueapi.progress(2)

    run_as_job(outer, work)
    assert (inner.stored, outer.stored) == ([(1, None, None)], [(2, None, None)])


def test_what_is_neither_number_nor_iterable_is_refused() -> None:
    with pytest.raises(TypeError, match="a number or an iterable, not None"):
        queueapi.progress(None)  # type: ignore[call-overload]
