"""Which queues a claim asks, and in which order."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence

import pytest

from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import statement
from queueapi.postgres.store import Store
from queueapi.records import NewJob
from queueapi.worker.order import LOOK, Order

from .conftest import WORKER, Sql


class Queues:
    """What has jobs, and how often that was asked."""

    def __init__(self, *names: str) -> None:
        self.names: Sequence[str] = names
        self.looks = 0
        self.now = 1000.0

    def __call__(self) -> Sequence[str]:
        self.looks += 1
        return self.names

    def order(self, *words: str) -> Order:
        return Order(words, self, random.Random(1).random, lambda: self.now)


def test_names_without_weights_are_asked_in_the_order_given_and_nobody_looks() -> None:
    queues = Queues("x")
    order = queues.order("critical", "default", "!x")
    assert [list(order.next()) for _ in range(5)] == [["critical", "default"]] * 5
    assert queues.looks == 0


@pytest.mark.parametrize(
    ("words", "shares"),
    [
        (["critical=2", "default=1"], {"critical": 2 / 3, "default": 1 / 3}),
        (["critical=3", "default"], {"critical": 3 / 4, "default": 1 / 4}),
        (["a=1", "b=1"], {"a": 1 / 2, "b": 1 / 2}),
        (["a=5", "b=3", "c=2"], {"a": 0.5, "b": 0.3, "c": 0.2}),
    ],
)
def test_a_queue_comes_first_as_often_as_its_weight_says(words: list[str], shares: dict[str, float]) -> None:
    order = Queues().order(*words)
    first = Counter(order.next()[0] for _ in range(10_000))
    assert {name: round(first[name] / 10_000, 2) for name in shares} == pytest.approx(shares, abs=0.02)
    assert sorted(order.next()) == sorted(shares), "and the others are asked after it"


def test_what_one_pattern_stands_for_takes_turns_and_strictly_after_what_stands_before_it() -> None:
    order = Queues("mail_a", "mail_b", "low", "critical", "mail_slow").order("critical", "mail_*", "low", "!mail_slow")
    seen: Counter[str] = Counter()
    for _ in range(1000):
        first, *middle, last = order.next()
        assert (first, last) == ("critical", "low")
        assert sorted(middle) == ["mail_a", "mail_b"]
        seen[middle[0]] += 1
    assert min(seen.values()) > 400


def test_a_queue_that_two_words_fit_belongs_to_the_first_and_a_name_wins_over_patterns() -> None:
    order = Queues("mail_a", "mail_b", "other").order("mail_*", "*", "mail_b")
    assert list(order.next()) == ["mail_a", "other", "mail_b"]


def test_each_queue_of_a_pattern_has_the_weight_of_the_pattern() -> None:
    order = Queues("mail_a", "mail_b").order("mail_*=2", "default=1")
    first = Counter(order.next()[0] for _ in range(10_000))
    assert {name: round(count / 10_000, 1) for name, count in first.items()} == {
        "mail_a": 0.4, "mail_b": 0.4, "default": 0.2,
    }  # fmt: skip


def test_while_claims_fill_the_room_queues_are_looked_up_ten_times_a_second() -> None:
    queues = Queues("a")
    order = queues.order("*")
    for _ in range(100):
        assert list(order.next()) == ["a"]
        queues.now += LOOK / 10
    assert queues.looks in (9, 10, 11)


def test_after_a_claim_that_left_room_a_new_queue_is_seen_at_once() -> None:
    queues = Queues("a")
    order = queues.order("*")
    order.next()
    queues.names = ("a", "b")
    assert list(order.next()) == ["a"]
    order.unfilled()
    assert sorted(order.next()) == ["a", "b"]


def push(store: Store, queue: str, priority: int = 0, delay: float = 0.0) -> int:
    return store.push([NewJob(queue, "kind", "{}", priority, 25, delay, None)])[0]


def test_the_queues_that_have_jobs_to_be_run_now_are_found_each_once(store: Store, sql: Sql) -> None:
    assert store.queues() == []
    for queue in ("b", "a", "b", "c.d"):
        push(store, queue)
    push(store, "later", delay=60.0)
    assert store.queues() == ["a", "b", "c.d"]
    store.claim(["a"], 1, 1, WORKER, 30.0)
    assert store.queues() == ["b", "c.d"]


def test_a_claim_takes_queue_by_queue_then_by_priority_then_the_oldest(store: Store) -> None:
    low = push(store, "low", -5)
    late, urgent, first, second = (push(store, "mail", priority) for priority in (7, -1, 0, 0))
    order = Order(["mail", "*"], store.queues)
    claimed = store.claim(order.next(), 10, 1, WORKER, 30.0)
    assert [job.id for job in claimed] == [urgent, first, second, late, low]


def test_the_look_walks_down_the_index_of_what_is_available_and_touches_a_row_a_queue(
    store: Store, session: Dedicated, sql: Sql
) -> None:
    sql("insert into queueapi.jobs (queue, kind) select 'q' || n % 5, 'k' from generate_series(1, 20000) n")
    sql("vacuum analyze queueapi.jobs")
    explain = "explain (analyze, buffers, format text) "
    plan = "\n".join(
        row[0] for row in session.connection().execute((explain + statement("list_available_queues")).encode())
    )
    assert plan.count("Index Only Scan using jobs_available") == 2
    assert "Seq Scan" not in plan
    touched = [int(found) for found in re.findall(r"shared hit=(\d+)", plan)]
    assert touched[0] < 50, "of the hundred pages of the index"
