"""Writing many at once, and what happens when one of them cannot be written."""

from __future__ import annotations

import pytest

from queueapi.claims import Claimed
from queueapi.events import Events
from queueapi.postgres.store import Store
from queueapi.records import Outcome, Progress
from queueapi.states import State
from queueapi.worker.recorder import Recorder

from .conftest import Claim, Heard, Sql


@pytest.fixture
def recorder(store: Store, events: Events) -> Recorder:
    return Recorder(store, 3600.0, events)


def done(job: Claimed, result: str = "1") -> Outcome:
    return Outcome(job.id, job.token, State.DONE, result)


@pytest.mark.parametrize(
    "poison",
    ["not json", '{"a": NaN}', "[" * 50_000 + "]" * 50_000, '"a NUL \0"', '"half of \ud83d"'],
    ids=["text", "nan", "deep", "nul", "surrogate"],
)
def test_one_outcome_that_postgresql_refuses_is_set_aside_and_its_neighbours_are_written(
    poison: str, claim: Claim, recorder: Recorder, heard: Heard, sql: Sql
) -> None:
    jobs = claim(20)
    outcomes = [done(job, poison if number == 13 else str(number)) for number, job in enumerate(jobs)]
    rows = recorder.outcomes(outcomes)
    assert {row[0] for row in rows} == {job.id for job in jobs}
    assert sql("select count(*) from queueapi.jobs") == [(0,)]
    assert sql("select state, count(*) from queueapi.finished group by 1 order by 1") == [("dead", 1), ("done", 19)]
    ((id_, error),) = sql("select id, error from queueapi.finished where state = 'dead'")
    assert id_ == jobs[13].id
    assert error["type"] == "OutcomeRefused"
    assert error["message"].startswith(
        "the attempt ended as done, and how it ended could not be stored: PostgreSQL did"
    )
    assert [fields["id"] for fields in heard.of("outcome_refused")] == [id_]


def test_many_bad_ones_among_good_ones_are_all_found(claim: Claim, recorder: Recorder, sql: Sql) -> None:
    jobs = claim(64)
    recorder.outcomes([done(job, "bad" if number % 5 == 0 else "1") for number, job in enumerate(jobs)])
    assert sql("select state, count(*) from queueapi.finished group by 1 order by 1") == [("dead", 13), ("done", 51)]


def test_a_retry_that_cannot_be_stored_ends_the_job_and_not_the_worker(
    claim: Claim, recorder: Recorder, sql: Sql
) -> None:
    good, bad = claim(2)
    recorder.outcomes([
        Outcome(good.id, good.token, State.SCHEDULED, error="{}", delay=60.0),
        Outcome(bad.id, bad.token, State.SCHEDULED, error="{}", delay=1e30),
    ])  # fmt: skip
    assert sql("select id, state from queueapi.jobs") == [(good.id, "scheduled")]
    assert sql("select id, state, error ->> 'type' from queueapi.finished") == [(bad.id, "dead", "OutcomeRefused")]


def test_a_refused_outcome_whose_lease_is_lost_changes_nothing(claim: Claim, recorder: Recorder, sql: Sql) -> None:
    (job,) = claim(1)
    before = sql("select * from queueapi.jobs")
    assert recorder.outcomes([Outcome(job.id, job.token + 1, State.DONE, "bad")]) == []
    assert sql("select * from queueapi.jobs") == before


def test_progress_that_is_refused_is_dropped_and_the_rest_is_stored(claim: Claim, recorder: Recorder, sql: Sql) -> None:
    jobs = claim(3)
    messages = ["fine", "a NUL \0", None]
    recorder.progress([
        Progress(job.id, job.token, 1.0, None, message) for job, message in zip(jobs, messages, strict=True)
    ])  # fmt: skip
    assert sql("select job_id, message from queueapi.progress order by 1") == [(jobs[0].id, "fine"), (jobs[2].id, None)]


def test_nothing_to_write_is_no_statement(recorder: Recorder) -> None:
    assert recorder.outcomes([]) == recorder.progress([]) == []
