"""Pushing, and what a handle tells."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

import queueapi
from queueapi import (
    Job,
    JobCancelled,
    JobFailed,
    JobNotFinished,
    JobNotFound,
    NotAJob,
    Queue,
    SettingsError,
    State,
    StoreUnavailable,
)
from queueapi.embedded import EmbeddedPostgres
from queueapi.postgres.store import Store
from queueapi.records import Claimed, Outcome
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from queueapi.signing import Signer

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=1)


class Mail(Job, kind="tests.queues.mail", queue="mail", priority=5, max_attempts=3):
    to: str = "a@b"

    def run(self) -> None: ...


class Plain(Job, kind="tests.queues.plain"):
    n: int = 0

    def run(self) -> None: ...


def row(sql: Sql, id_: int) -> tuple[Any, ...]:
    return sql("select queue, priority, max_attempts, state, kind, args::text from queueapi.jobs where id = %s", id_)[0]


# -- what a push says


def test_a_job_without_options_takes_the_defaults(queue: Queue, sql: Sql) -> None:
    id_ = queue.push(Plain(3)).id
    assert row(sql, id_) == ("default", 0, 25, "available", "tests.queues.plain", '{"n":3}')


def test_the_push_wins_over_the_bound_queue_and_that_over_the_class(queue: Queue, sql: Sql) -> None:
    assert row(sql, queue.push(Mail()).id)[:3] == ("mail", 5, 3)
    assert row(sql, queue["late"].push(Mail()).id)[:3] == ("late", 5, 3)
    assert row(sql, queue["late"].push(Mail(), queue="now", priority=0, max_attempts=1).id)[:3] == ("now", 0, 1)
    assert row(sql, queue.push(Mail(), priority=-7).id)[:3] == ("mail", -7, 3)


def test_a_bound_queue_is_a_copy_and_shares_nothing_but_the_backend(queue: Queue) -> None:
    mail = queue["mail"]
    assert (queue.name, mail.name, mail["other"].name) == (None, "mail", "other")
    assert (repr(queue), repr(mail)) == ("<Queue default>", "<Queue mail>")
    with pytest.raises(SettingsError, match="'old mail' cannot be the name of a queue"):
        queue["old mail"]


def test_the_shift_operator_pushes(queue: Queue, sql: Sql) -> None:
    handle = queue["mail"] << Plain(1)
    assert row(sql, handle.id)[0] == "mail"


@pytest.mark.parametrize("delay", [60, 60.0, dt.timedelta(minutes=1)])
def test_a_delay_is_counted_on_the_clock_of_the_database(queue: Queue, sql: Sql, delay: float) -> None:
    id_ = queue.push(Plain(), delay=delay).id
    seconds = "extract(epoch from run_at - pushed_at)::int"
    assert sql(f"select state, {seconds} from queueapi.jobs where id = %s", id_) == [("scheduled", 60)]


def test_a_time_is_kept_to_the_microsecond_whatever_its_zone(queue: Queue, sql: Sql) -> None:
    at = dt.datetime(2090, 1, 2, 3, 4, 5, 678901, dt.timezone(dt.timedelta(hours=-5)))
    handle = queue.push(Plain(), run_at=at)
    assert sql("select state, run_at from queueapi.jobs where id = %s", handle.id) == [("scheduled", at)]
    shown = handle.status()["run_at"]
    assert dt.datetime.fromisoformat(shown) == at


def test_a_time_that_is_past_and_no_delay_mean_now(queue: Queue) -> None:
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    assert queue.push(Plain(), run_at=past).state() is State.AVAILABLE
    assert queue.push(Plain(), delay=0).state() is State.AVAILABLE


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"run_at": dt.datetime(2090, 1, 1)}, "says no timezone"),
        ({"run_at": "tomorrow"}, "'tomorrow'"),
        ({"run_at": dt.date(2090, 1, 1)}, "timezone"),
        ({"delay": -1}, "delay=-1"),
        ({"delay": float("nan")}, "delay=nan"),
        ({"delay": "5 min"}, "delay='5 min'"),
        ({"delay": 1e12}, "100 years"),
        ({"delay": 5, "run_at": dt.datetime.now(dt.UTC)}, "exclude each other"),
        ({"queue": ""}, "''"),
        ({"queue": "ü"}, "'ü'"),
        ({"priority": "high"}, "priority is 'high'"),
        ({"priority": 32768}, "priority is 32768"),
        ({"max_attempts": 0}, "max_attempts is 0"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_a_value_error_and_pushes_nothing(
    queue: Queue, options: dict[str, Any], words: str
) -> None:
    connected: list[int] = []
    unconnected = Queue(lambda: connected.append(1))  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match=words) as caught:
        unconnected.push(Plain(), **options)
    assert isinstance(caught.value, SettingsError)
    assert connected == []


def test_what_is_no_job_is_a_type_error(queue: Queue) -> None:
    for thing in (3, Plain, None):
        with pytest.raises(TypeError) as caught:
            queue.push(thing)
        assert isinstance(caught.value, NotAJob)


# -- many at once


def test_push_all_keeps_the_order(queue: Queue, sql: Sql) -> None:
    handles = queue.push_all((Plain(n) for n in range(100)), queue="many")
    stored = sql("select id, (args->>'n')::int from queueapi.jobs where queue = 'many' order by id")
    assert stored == [(handle.id, n) for n, handle in enumerate(handles)]
    assert queue.push_all([]) == []


def test_push_all_of_more_than_one_statement_takes_is_still_all_or_none(queue: Queue, sql: Sql) -> None:
    handles = queue.push_all(Plain(n) for n in range(2_500))
    assert [handle.id for handle in handles] == sorted(handle.id for handle in handles)
    assert sql("select count(*), count(distinct pushed_at) from queueapi.jobs") == [(2_500, 1)]  # one transaction
    sql("alter table queueapi.jobs add check (args->>'n' <> '4242')")
    with pytest.raises(psycopg.errors.CheckViolation):
        queue.push_all(Plain(n) for n in range(3_000, 5_000))
    assert sql("select count(*) from queueapi.jobs") == [(2_500,)]


def test_one_bad_job_among_many_pushes_none(queue: Queue, sql: Sql) -> None:
    with pytest.raises(NotAJob):
        queue.push_all([Plain(1), "no job", Plain(2)])
    assert sql("select * from queueapi.jobs") == []


# -- in the caller's transaction


class Ear:
    """Somebody who sleeps on the queue ``default``, and what he heard."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.connection.execute("listen ear")
        self.connection.execute(
            "insert into queueapi.sleepers values ('ear', array['default', 'mail'], now() + interval '1 minute')"
        )

    def heard(self) -> int:
        # A round trip: what was sent before it has come with its answer.
        self.connection.execute("select 1")
        return len(list(self.connection.notifies(timeout=0)))


@pytest.fixture
def ear(dsn: str) -> Iterator[Ear]:
    ear = Ear(dsn)
    yield ear
    ear.connection.close()


def test_a_rollback_leaves_no_job_and_wakes_nobody(dsn: str, queue: Queue, ear: Ear, sql: Sql) -> None:
    with psycopg.connect(dsn) as connection:
        handle = queue.push(Plain(), conn=connection)
        with pytest.raises(JobNotFound, match="has not committed"):
            handle.state()
        connection.rollback()
    assert ear.heard() == 0
    assert sql("select * from queueapi.jobs") == []


def test_the_job_and_its_wake_up_come_with_the_commit(dsn: str, queue: Queue, ear: Ear) -> None:
    with psycopg.connect(dsn) as connection:
        handle = queue.push(Plain(), conn=connection)
        assert ear.heard() == 0
        connection.commit()
        assert ear.heard() == 1
        assert handle.state() is State.AVAILABLE


def test_a_savepoint_taken_back_takes_its_job_with_it(dsn: str, queue: Queue, sql: Sql) -> None:
    with psycopg.connect(dsn) as connection:
        kept = queue.push(Plain(1), conn=connection)
        with connection.transaction() as inner:
            queue.push_all([Plain(2), Plain(3)], conn=connection)
            raise psycopg.Rollback(inner)
        with connection.transaction():
            also = queue.push(Plain(4), conn=connection)
    assert sql("select id from queueapi.jobs order by id") == [(kept.id,), (also.id,)]


def test_the_callers_transaction_and_rows_are_left_as_they_were(dsn: str, queue: Queue) -> None:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        handle = queue.push(Plain(), conn=connection)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}
    assert handle.state() is State.AVAILABLE


def test_connections_that_wrap_the_drivers_are_unwrapped(dsn: str, queue: Queue, sql: Sql) -> None:
    """SQLAlchemy: ``connection.connection.driver_connection``; Django: ``connection.connection``."""

    class Wrapper:
        def __init__(self, name: str, inside: object) -> None:
            setattr(self, name, inside)

    with psycopg.connect(dsn) as driver:
        queue.push(Plain(1), conn=Wrapper("connection", driver))
        queue.push(Plain(2), conn=Wrapper("connection", Wrapper("driver_connection", driver)))
        queue.push(Plain(3), conn=Wrapper("connection", Wrapper("dbapi_connection", driver)))
        assert sql("select * from queueapi.jobs") == []
    assert sql("select count(*) from queueapi.jobs") == [(3,)]


def test_what_is_no_connection_is_a_type_error_that_names_it(queue: Queue) -> None:
    with pytest.raises(TypeError, match=r"conn= takes a psycopg 3 connection, not builtins\.str"):
        queue.push(Plain(), conn="postgresql://")


def test_only_jobs_that_can_run_now_wake_somebody_and_one_for_each_queue(queue: Queue, ear: Ear) -> None:
    queue.push(Plain(), delay=60)
    queue.push(Plain(), queue="elsewhere")
    assert ear.heard() == 0
    queue.push_all([Plain()] * 10)
    assert ear.heard() == 1


# -- the handle


def claim(store: Store, queue: str = "default") -> Claimed:
    (job,) = store.claim([queue], 1, 7, WORKER, 30.0)
    return job


def test_a_handle_follows_its_job_to_the_result(queue: Queue, store: Store) -> None:
    handle = queue.push(Plain())
    assert handle.state() is State.AVAILABLE
    assert handle.status()["event"] == "queued"
    with pytest.raises(JobNotFinished, match=f"job {handle.id} is available"):
        handle.result()
    job = claim(store)
    assert (handle.state(), handle.status()["event"]) == (State.RUNNING, "running")
    store.finish([Outcome(job.id, job.token, State.DONE, '{"imported":3}')], 60.0)
    assert handle.result() == handle.wait(0) == {"imported": 3}
    assert handle.status() == {
        "id": str(handle.id),
        "kind": "tests.queues.plain",
        "state": "done",
        "event": "done",
        "attempt": 1,
        "max_attempts": 25,
        "progress": None,
        "error": None,
        "run_at": None,
        "result": {"imported": 3},
    }


def test_a_dead_job_raises_what_it_died_of(queue: Queue, store: Store) -> None:
    handle = queue.push(Plain(), max_attempts=1)
    job = claim(store)
    error = '{"type": "OSError", "message": "no route", "traceback": "line 3"}'
    store.finish([Outcome(job.id, job.token, State.DEAD, error=error)], 60.0)
    for ask in (handle.result, handle.wait):
        with pytest.raises(JobFailed, match=r"dead after 1 attempts: OSError: no route") as caught:
            ask()
        assert caught.value.error["traceback"] == "line 3"


def test_cancel_takes_back_what_nobody_has_claimed_and_says_whether_it_did(queue: Queue, store: Store) -> None:
    for handle in (queue.push(Plain()), queue.push(Plain(), delay=60)):
        assert handle.cancel() is True
        assert handle.state() is State.CANCELLED
        assert handle.cancel() is False
        with pytest.raises(JobCancelled):
            handle.result()
    running = queue.push(Plain())
    claim(store)
    assert running.cancel() is False
    assert running.state() is State.RUNNING


def test_a_wait_that_is_over_says_how_far_the_job_is(queue: Queue) -> None:
    handle = queue.push(Plain())
    with pytest.raises(TimeoutError, match=f"job {handle.id} is still available after 0 s"):
        handle.wait(0)


def test_a_job_that_is_not_there_says_why_that_may_be(queue: Queue) -> None:
    missing = queueapi.Handle(queue._backend(), 10**15)
    for ask in (missing.state, missing.result, missing.status, missing.wait):
        with pytest.raises(
            JobNotFound, match=f"no job {10**15}: its transaction has not committed, or it finished and"
        ):
            ask()
    assert missing.cancel() is False


def test_a_ticket_names_this_job_for_as_long_as_asked(queue: Queue) -> None:
    handle = queue.push(Plain())
    for expires, seconds in ((60, 60), (dt.timedelta(minutes=2), 120)):
        ticket = Signer("s" * 32).verify(handle.ticket(expires))
        assert (ticket.purpose, ticket.name) == ("job", str(handle.id))
        assert abs(ticket.expires - time.time() - seconds) < 5
    assert repr(handle) == f"<Handle {handle.id}>"


def test_a_ticket_without_a_secret_is_refused_with_what_to_set(dsn: str) -> None:
    runtime = Runtime(Settings(database_url=dsn))
    with pytest.raises(SettingsError, match="QUEUEAPI_SECRET is not set"):
        queueapi.Handle(runtime, 1).ticket()


# -- threads, forks, and a server that goes


def test_eight_threads_push_through_five_connections(queue: Queue, sql: Sql, dsn: str) -> None:
    def push(worker: int) -> list[int]:
        return [queue.push(Plain(worker * 100 + n)).id for n in range(25)]

    with ThreadPoolExecutor(8) as threads:
        ids = [id_ for pushed in threads.map(push, range(8)) for id_ in pushed]
    assert len(set(ids)) == 200
    assert sql("select count(*), count(distinct args->>'n') from queueapi.jobs") == [(200, 200)]
    ((connections,),) = sql("select count(*) from pg_stat_activity where application_name = 'queueapi'")
    assert 0 < connections <= 5


FORKS = """
import os, sys
import queueapi
class Plain(queueapi.Job, kind="plain"):
    def run(self): ...
def backend():
    with queueapi.runtime.default().pool.connection() as connection:
        return connection.info.backend_pid
queueapi.queue.push(Plain())  # as an application does that gunicorn preloads
mine = backend()
children = []
for number in range(3):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        for _ in range(20):
            queueapi.queue.push(Plain())
        os.write(writer, str(backend()).encode())
        os._exit(0)  # as a worker of gunicorn that is killed: nothing is cleaned up
    os.close(writer)
    children.append((pid, reader))
for _ in range(20):
    queueapi.queue.push(Plain())
backends = {os.read(reader, 100) for _, reader in children}
for pid, _ in children:
    assert os.waitpid(pid, 0)[1] == 0
queueapi.queue.push(Plain())
assert backend() == mine, "the parent lost its connection"
assert len(backends | {str(mine).encode()}) == 4, "a connection is shared"
queueapi.runtime.default().pool.close()
"""


@pytest.mark.system
def test_forked_children_of_a_process_that_has_pushed_open_their_own_connections(
    dsn: str, sql: Sql, python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    python(FORKS)
    assert sql("select count(*) from queueapi.jobs") == [(82,)]


@pytest.mark.system
def test_the_lazy_queue_reads_the_environment_at_its_first_use_and_once(
    dsn: str, python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = """
import os, sys, queueapi
os.environ["DATABASE_URL"] = sys.argv[1]
class Plain(queueapi.Job, kind="plain"):
    def run(self): ...
handle = queueapi.queue.push(Plain())
os.environ["DATABASE_URL"] = "postgresql://nowhere.invalid"
print(queueapi.handle(handle.id).state(), queueapi.handle(str(handle.id)).state())
queueapi.runtime.default().pool.close()
"""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere.invalid")
    assert python(program, dsn) == "available available"


@pytest.mark.system
def test_a_server_that_is_away_is_one_sentence_and_the_push_after_its_return_works(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as server:
        from queueapi.postgres.connection import connect
        from queueapi.postgres.migrate import migrate

        with connect(server.dsn, "tests", 5) as connection:
            migrate(connection, lambda _: None)
        runtime = Runtime(Settings(database_url=server.dsn, connect_timeout=2))
        queue = Queue(lambda: runtime)
        first = queue.push(Plain())
        server.restart("immediate")
        assert queue.push(Plain()).id > first.id  # the idle connection was dead, and that was seen
        server.stop()
        for ask in (lambda: queue.push(Plain()), first.state, lambda: first.wait(0), runtime.check):
            with pytest.raises(StoreUnavailable, match="PostgreSQL did not connect: ") as caught:
                ask()
            assert "\n" not in str(caught.value)
            assert isinstance(caught.value, ConnectionError)
        server.start()
        assert queue.push(Plain()).state() is State.AVAILABLE
        assert first.state() is State.AVAILABLE
        runtime.pool.close()


@pytest.mark.system
def test_a_server_that_says_nothing_is_given_up_within_the_connect_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"postgresql://nobody@127.0.0.1:{mute.getsockname()[1]}/none"
        queue = queueapi.connect(url, connect_timeout=2)
        since = time.monotonic()
        with pytest.raises(StoreUnavailable):
            queue.push(Plain())
        assert time.monotonic() - since < 5


def test_waiting_for_a_job_ends_when_another_thread_finishes_it(queue: Queue, store: Store) -> None:
    handle = queue.push(Plain())
    job = claim(store)
    waited: list[Any] = []
    waiter = threading.Thread(target=lambda: waited.append(handle.wait(30)))
    waiter.start()
    store.tell_watchers(store.finish([Outcome(job.id, job.token, State.DONE, "[1]")], 60.0))
    waiter.join(30)
    assert waited == [[1]]
