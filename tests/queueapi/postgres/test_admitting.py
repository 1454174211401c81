"""The decision itself: locks, counts, and what is parked and brought back, on a real server."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from queueapi.claims import Claimed
from queueapi.postgres import admitting as module
from queueapi.postgres.admitting import FLOOD, Admitting, Answer, Asked, Rule
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.records import NewJob, Outcome, Special
from queueapi.states import State

WORKER = UUID(int=7)
Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def admitting(session: Dedicated) -> Admitting:
    return Admitting(session)


@pytest.fixture
def lines(dsn: str) -> Iterator[Callable[[], Dedicated]]:
    """More connections."""
    opened: list[Dedicated] = []

    def another() -> Dedicated:
        opened.append(Dedicated(lambda: connect(dsn, "tests", 5)))
        return opened[-1]

    yield another
    for one in opened:
        one.close()


class Shop:
    """Limited jobs from push to finish."""

    def __init__(self, session: Dedicated) -> None:
        self.store = Store(session)
        self.admitting = Admitting(session)
        self.tokens = 0

    def push(self, count: int = 1, keys: tuple[str, ...] = ("k",), priority: int = 0, room: int | None = None) -> None:
        special = Special(limit_keys=keys, limit_room=room)
        self.store.push([NewJob("default", "kind", "{}", priority, 25, 0.0, None, special) for _ in range(count)])

    def claim(self, count: int = 100, worker: UUID = WORKER) -> list[Claimed]:
        self.tokens += 1
        return self.store.claim(["default"], count, self.tokens, worker, 30.0)

    def admit(self, jobs: list[Claimed], *rules: Rule) -> Answer:
        asked = [Asked(job.id, job.token, job.queue, job.more().limit_keys) for job in jobs]
        return self.admitting.admit(asked, rules or [slots(2)])

    def finish(self, jobs: list[Claimed]) -> None:
        self.store.finish([Outcome(job.id, job.token, State.DONE) for job in jobs], 60.0)
        self.admitting.bring_back(["k"], [("k", job.id, job.token) for job in jobs])


@pytest.fixture
def shop(session: Dedicated) -> Shop:
    return Shop(session)


def slots(number: int, key: str = "k", name: str | None = None) -> Rule:
    return Rule(key, name or key, number, None, None, False)


def rate(starts: int, period: float, key: str = "k", bucket: bool = False) -> Rule:
    return Rule(key, key, None, starts, period, bucket)


def states(sql: Sql) -> dict[str, int]:
    return dict(sql("select state, count(*)::int from queueapi.jobs group by 1"))


def test_so_many_begin_and_the_others_are_parked_uncharged(shop: Shop, sql: Sql) -> None:
    shop.push(5)
    jobs = shop.claim()
    answer = shop.admit(jobs)
    assert answer.begin == {job.id for job in jobs[:2]}
    assert answer.parked == {job.id for job in jobs[2:]}
    row = "select distinct blocked_by, attempt, token, worker, lease_until from queueapi.jobs where state = 'blocked'"
    assert sql(row) == [("limit:k", 0, None, None, None)]


def test_when_one_ends_the_next_comes_back_in_the_order_of_priority_and_age(shop: Shop, sql: Sql) -> None:
    shop.push(4)
    first = shop.claim()
    shop.admit(first)
    shop.push(1, priority=-1)
    shop.finish(first[:1])
    ((back,),) = sql("select id from queueapi.jobs where state = 'available'")
    assert back == sql("select id from queueapi.jobs where priority = -1")[0][0]
    shop.finish(first[1:2])
    assert sql("select max(id) from queueapi.jobs where state = 'available' and priority = 0") == [(first[2].id,)]


def test_a_place_that_is_promised_is_not_given_to_another(shop: Shop) -> None:
    shop.push(3)
    first = shop.claim()
    shop.admit(first)
    shop.finish(first[:2])  # the third was brought back
    shop.push(1, priority=-1)
    early, promised = shop.claim()
    assert promised.id == first[2].id
    assert shop.admit([early]).begin == {early.id}, "of the two places one is promised"
    assert shop.admit([promised]).begin == {promised.id}
    shop.push(1, priority=-1)
    assert shop.admit(shop.claim()).begin == set()


def test_a_promise_that_no_worker_takes_up_holds_a_place_for_two_seconds_only(shop: Shop, sql: Sql) -> None:
    shop.push(2)
    first = shop.claim()
    shop.admit(first, slots(1))
    shop.finish(first[:1])
    sql("update queueapi.holds set until = clock_timestamp()")
    shop.push(1, priority=-1)
    (early,) = shop.claim(1)
    assert shop.admit([early], slots(1)).begin == {early.id}
    assert shop.admit(shop.claim(), slots(1)).begin == set(), "and who comes too late has to wait again"


def test_what_lost_its_lease_takes_no_place_and_nothing_has_to_be_cleaned_up(shop: Shop, sql: Sql) -> None:
    shop.push(2)
    shop.admit(shop.claim())
    sql("update queueapi.jobs set lease_until = now() - interval '1 s'")
    assert sql("select count(*) from queueapi.holds") == [(2,)]
    sql("update queueapi.jobs set state = 'available', token = null, worker = null, lease_until = null")
    again = shop.claim()
    assert shop.admit(again).begin == {job.id for job in again}


def test_an_attempt_whose_lease_was_lost_before_is_neither_begun_nor_parked(shop: Shop, sql: Sql) -> None:
    shop.push(3)
    jobs = shop.claim()
    sql("update queueapi.jobs set token = 99 where id = %s", jobs[2].id)
    answer = shop.admit(jobs)
    assert (answer.begin, answer.parked) == ({jobs[0].id, jobs[1].id}, set())


def test_a_row_that_another_has_locked_is_not_waited_for(shop: Shop, dsn: str) -> None:
    shop.push(3)
    jobs = shop.claim()
    with connect(dsn, "other", 5) as other, other.transaction():
        other.execute("select from queueapi.jobs where id = %s for update", [jobs[2].id])
        answer = shop.admit(jobs)
    assert (answer.begin, answer.parked) == ({jobs[0].id, jobs[1].id}, set())


def test_all_keys_must_let_a_job_begin_and_it_waits_for_the_first_that_does_not(shop: Shop, sql: Sql) -> None:
    shop.push(2, keys=("tenant:1", "all"))
    shop.push(2, keys=("tenant:2", "all"))
    jobs = shop.claim()
    answer = shop.admit(jobs, slots(1, "tenant:1"), slots(1, "tenant:2"), slots(3, "all"))
    assert answer.begin == {jobs[0].id, jobs[2].id}
    waits = "select blocked_by from queueapi.jobs where state = 'blocked' order by id"
    assert sql(waits) == [("limit:tenant:1",), ("limit:tenant:2",)]


def test_a_window_lets_so_many_begin_and_then_none_until_it_ends(shop: Shop, sql: Sql) -> None:
    shop.push(5)
    assert len(shop.admit(shop.claim(), rate(2, 60)).begin) == 2
    assert shop.admitting.look() == 1.0
    assert states(sql) == {"running": 2, "blocked": 3}
    sql("update queueapi.limits set since = since - interval '59.9 s'")
    assert 0.0 < shop.admitting.look() <= 0.1
    sql("update queueapi.limits set since = since - interval '1 s'")
    shop.admitting.look()
    assert states(sql) == {"running": 2, "blocked": 1, "available": 2}
    assert len(shop.admit(shop.claim(), rate(2, 60)).begin) == 2
    assert len(shop.admit(shop.claim(), rate(2, 60)).begin) == 0


def test_a_bucket_refills_evenly(shop: Shop, sql: Sql) -> None:
    shop.push(10)
    assert len(shop.admit(shop.claim(), rate(4, 60, bucket=True)).begin) == 4
    sql("update queueapi.limits set since = since - interval '15 s'")
    shop.admitting.look()
    assert states(sql) == {"running": 4, "blocked": 5, "available": 1}
    assert len(shop.admit(shop.claim(), rate(4, 60, bucket=True)).begin) == 1
    sql("update queueapi.limits set since = since - interval '31 s'")
    shop.admitting.look()
    assert states(sql) == {"running": 5, "blocked": 3, "available": 2}


def test_many_workers_that_claim_at_once_never_let_more_begin_together_than_the_limit(
    shop: Shop, lines: Callable[[], Dedicated], sql: Sql
) -> None:
    shop.push(60)
    begun: list[int] = []

    def work(number: int) -> None:
        mine = Shop(lines())
        mine.tokens = number * 1000
        for _ in range(6):
            begun.extend(mine.admit(mine.claim(2, UUID(int=number)), slots(3)).begin)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == len(set(begun)) == 3
    assert states(sql)["running"] == 3


def test_workers_that_lock_many_keys_in_any_order_end_without_a_deadlock(
    shop: Shop, lines: Callable[[], Dedicated], sql: Sql
) -> None:
    keys = ("a", "b", "c", "d")
    for start in range(4):
        shop.push(20, keys=keys[start:] + keys[:start])
    failed: list[BaseException] = []

    def work(number: int) -> None:
        mine = Shop(lines())
        mine.tokens = number * 1000
        try:
            for turn in range(8):
                rules = [slots(2, key) for key in (keys if (number + turn) % 2 else reversed(keys))]
                jobs = mine.claim(4, UUID(int=number))
                began = mine.admit(jobs, *rules).begin
                mine.store.finish([Outcome(job.id, job.token, State.DONE) for job in jobs if job.id in began], 60.0)
                mine.admitting.bring_back(keys if number % 2 else reversed(keys))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sql("select count(*) > 0 from queueapi.finished") == [(True,)]


def test_what_was_said_by_hand_wins_over_the_class_for_a_key_and_for_all_of_a_name(shop: Shop, sql: Sql) -> None:
    sql("insert into queueapi.limits (key, slots, by_hand) values ('k', 3, true), ('k:7', 1, true)")
    shop.push(4, keys=("k:1",))
    shop.push(2, keys=("k:7",))
    jobs = shop.claim()
    answer = shop.admit(jobs, slots(9, "k:1", "k"), slots(9, "k:7", "k"))
    assert answer.begin == {jobs[0].id, jobs[1].id, jobs[2].id, jobs[4].id}


def test_behind_a_flood_that_was_parked_the_rest_is_parked_without_being_claimed(shop: Shop, sql: Sql) -> None:
    shop.push(100)
    shop.push(1, keys=("other",))
    jobs = shop.claim(FLOOD + 2)
    assert len(shop.admit(jobs).begin) == 2
    assert states(sql) == {"running": 2, "blocked": 98, "available": 1}
    assert sql("select limit_keys from queueapi.jobs where state = 'available'") == [(["other"],)]


def test_a_push_behind_blocked_jobs_is_blocked_at_once_and_so_is_what_is_more_than_can_begin(
    shop: Shop, sql: Sql
) -> None:
    shop.push(10, room=2)
    assert states(sql) == {"available": 2, "blocked": 8}
    shop.push(1, room=2)
    assert states(sql) == {"available": 2, "blocked": 9}
    shop.push(1, keys=("free", "k"))
    assert sql("select blocked_by from queueapi.jobs where limit_keys[1] = 'free'") == [("limit:k",)]


def test_what_is_scheduled_is_not_blocked_before_its_time(shop: Shop, sql: Sql) -> None:
    special = Special(limit_keys=("k",), limit_room=1)
    shop.store.push([NewJob("default", "kind", "{}", 0, 25, delay, None, special) for delay in (60.0, 60.0, 0.0)])
    assert states(sql) == {"scheduled": 2, "available": 1}


def test_all_that_wait_behind_a_limit_run_once_and_two_at_a_time(shop: Shop, sql: Sql) -> None:
    shop.push(30, room=2)
    ran: Counter[int] = Counter()
    while jobs := shop.claim():
        began = [job for job in jobs if job.id in shop.admit([job]).begin]
        ran.update(job.id for job in began)
        assert len(began) <= 2
        shop.finish(began)
    assert set(ran.values()) == {1}
    assert len(ran) == 30


def test_the_look_brings_back_what_nobody_else_did(shop: Shop, sql: Sql) -> None:
    shop.push(5, room=2)
    sql("update queueapi.jobs set state = 'blocked', blocked_by = 'limit:k'")
    shop.admitting.look()
    assert states(sql) == {"available": 1, "blocked": 4}, "of a key that was never counted, one shows the way"
    shop.admit(shop.claim())
    assert states(sql) == {"running": 1, "available": 1, "blocked": 3}, "and with it comes what there is room for"


def test_what_waits_in_a_paused_queue_does_not_stand_in_the_way_of_another(shop: Shop, sql: Sql) -> None:
    shop.push(5)
    jobs = shop.claim()
    shop.admit(jobs, slots(1))
    sql("update queueapi.jobs set queue = 'stopped' where id = any (%s)", [job.id for job in jobs[1:4]])
    sql("insert into queueapi.pauses (what, name) values ('queue', 'stopped')")
    shop.finish(jobs[:1])
    assert sql("select id from queueapi.jobs where state = 'available'") == [(jobs[4].id,)]


def test_places_and_keys_that_count_for_nothing_are_forgotten_and_no_others(shop: Shop, sql: Sql) -> None:
    shop.push(3)
    shop.admit(shop.claim())
    sql("""insert into queueapi.limits (key, slots, by_hand) values ('idle', 1, false), ('said', 1, true);
           insert into queueapi.holds values ('idle', 99, 5, now() - interval '1 s')""")
    sql("update queueapi.limits set since = now() - interval '2 hours'")
    sql("update queueapi.holds set until = now() - interval '1 s'")
    shop.admitting.prune()
    shop.admitting.prune()  # a key goes after its last place
    assert sql("select key from queueapi.limits order by 1") == [("k",), ("said",)]
    assert sql("select key, count(*)::int from queueapi.holds group by 1") == [("k", 2)]


def test_of_many_keys_some_are_looked_through_at_a_time_until_all_were(
    shop: Shop, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK", 3)
    for number in range(7):
        shop.push(keys=(f"k{number}",))
    sql("update queueapi.jobs set state = 'blocked', blocked_by = 'limit:' || limit_keys[1]")
    waits = []
    for blocked in (4, 1, 0):
        waits.append(shop.admitting.look())
        assert states(sql).get("blocked", 0) == blocked
    assert [wait < 1.0 for wait in waits] == [True, True, False]
    sql("update queueapi.jobs set state = 'blocked', blocked_by = 'limit:k0'")
    sql("delete from queueapi.holds")
    shop.admitting.look()
    assert states(sql)["available"] == 1, "it begins again from the first"


def test_what_nothing_will_ever_let_begin_is_named_some_at_a_time(
    shop: Shop, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK", 2)
    shop.push(10, keys=())
    first, *rest = [id_ for (id_,) in sql("select id from queueapi.jobs order by id")]
    sql("""
        insert into queueapi.finished (id, keep_until, pushed_at, priority, attempt, max_attempts, state, queue, kind,
                                       args)
        values (99999999, 'infinity', now(), 0, 1, 1, 'dead', 'q', 'k', '{}')
    """)
    there, gone = ["job:99999999", f"job:{first}"], ["job:88888888", "job:x"]
    reasons = ["kind:paused", "limit:k", *there, *gone, "odd", "", "limiu"]
    for id_, reason in zip(rest, reasons, strict=True):
        sql("update queueapi.jobs set state = 'blocked', blocked_by = %s where id = %s", reason, id_)
    behind = sorted([*there, *gone])
    pages = [set(behind[:2]), set(behind[2:]), set(), set(behind[:2])]
    for page in pages:
        found = shop.admitting.stranded()
        assert set(found) <= set(zip(rest, reasons, strict=True))
        assert {reason for _, reason in found} == {"odd", "", "limiu"} | (page & set(gone))
