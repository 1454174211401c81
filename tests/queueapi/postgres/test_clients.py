"""Sessions in the table: taken over, fenced by their turn, told to whoever had them; and what is published once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import psycopg
import pytest

from queueapi.messages import NewMessage
from queueapi.postgres.clients import CHANNEL, ClientRow, Clients
from queueapi.postgres.connection import connect
from queueapi.postgres.messages import Messages
from queueapi.postgres.sessions import Dedicated

TTL = 60.0


class Node(Clients):
    """With verbs for one session."""

    def begin(self, id_: str, acks: bool = False, seconds: float = TTL) -> ClientRow:
        row = ClientRow(id_, 1, False, acks, "{}", "c0")
        self.open([row], seconds)
        return row

    def take_one(self, id_: str) -> ClientRow | None:
        return self.take([id_], TTL).get(id_)


NewNode = Callable[[], Node]


@pytest.fixture
def node(dsn: str) -> Iterator[NewNode]:
    """Makes nodes, each with its own connection."""
    with ExitStack() as stack:

        def make() -> Node:
            session = Dedicated(lambda: connect(dsn, "tests", 5))
            stack.callback(session.close)
            return Node(session, uuid4())

        yield make


def test_a_session_is_what_it_was_opened_as(node: NewNode) -> None:
    one = node()
    opened = one.begin("a", acks=True)
    assert one.take_one("a") == opened._replace(turn=2)


def test_another_node_goes_on_where_the_first_had_come_to(node: NewNode) -> None:
    one, other = node(), node()
    row = one.begin("a")._replace(
        subscriptions='{"/x":"x","/jobs/7":7}', cursor="c1", sent="c2", sent_for='"5"', number=3
    )
    assert one.save([row], TTL) == {("a", 1)}
    assert other.take_one("a") == row._replace(turn=2, roaming=True)


def test_saving_without_subscriptions_leaves_them(node: NewNode) -> None:
    one = node()
    row = one.begin("a")
    one.save([row._replace(subscriptions='{"/x":"x"}')], TTL)
    one.save([row._replace(subscriptions=None, cursor="c1")], TTL)
    taken = one.take_one("a")
    assert taken is not None
    assert (taken.subscriptions, taken.cursor) == ('{"/x":"x"}', "c1")


def test_who_lost_a_session_changes_nothing_of_it_and_still_saves_the_others(node: NewNode) -> None:
    one, other = node(), node()
    rows = [one.begin(id_) for id_ in "ab"]
    other.take_one("a")
    assert one.save([row._replace(cursor="c9") for row in rows], TTL) == {("b", 1)}
    taken = other.take_one("a")
    assert taken is not None
    assert taken.cursor == "c0"


def test_of_two_that_write_about_one_session_the_later_turn_counts(node: NewNode) -> None:
    one = node()
    stale = one.begin("a")
    taken = one.take_one("a")
    assert taken is not None
    rows = [stale._replace(cursor="stale"), taken._replace(cursor="c1"), stale._replace(cursor="stale")]
    assert one.save(rows, TTL) == {("a", 2)}
    again = one.take_one("a")
    assert again is not None
    assert again.cursor == "c1"


def test_whoever_served_it_is_told_and_nobody_else(node: NewNode, dsn: str) -> None:
    one, other = node(), node()
    one.begin("a")
    with psycopg.connect(dsn, autocommit=True) as listening:
        listening.execute(f"listen {CHANNEL}".encode())
        one.take_one("a")  # from itself: nothing to tell
        other.take_one("a")
        one.close("a")
        told = [notice.payload for notice in listening.notifies(timeout=5, stop_after=2)]
    assert told == [f"{one._node} a 3", f"{other._node} a 4"]


def test_a_session_whose_time_is_over_is_not_there(node: NewNode, dsn: str) -> None:
    one = node()
    one.begin("a", seconds=0.0)
    one.begin("b")
    assert one.take_one("a") is None
    assert not one.touch("a", TTL)
    assert one.touch("b", TTL)
    one.prune()
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select id from queueapi.sessions").fetchall() == [("b",)]


def test_many_are_taken_at_once_and_those_that_are_not_there_are_not(node: NewNode) -> None:
    one, other = node(), node()
    rows = [one.begin(id_) for id_ in "abc"]
    assert other.take([*"abcd"], TTL) == {row.id: row._replace(turn=2, roaming=True) for row in rows}


def test_a_session_is_closed_once(node: NewNode) -> None:
    one = node()
    one.begin("a")
    assert one.close("a")
    assert not one.close("a")
    assert one.take_one("a") is None


def test_what_was_published_under_a_number_is_not_published_again(node: NewNode, dsn: str) -> None:
    one, other = node(), node()
    with psycopg.connect(dsn) as connection:
        (start,) = connection.execute("select pg_current_snapshot()::text").fetchone() or ("",)

    def message(data: str) -> NewMessage:
        return NewMessage("x", "message", data)

    assert len(one.publish("a", [(message("1"), '"7"'), (message("2"), '"8"')])) == 2
    assert len(other.publish("a", [(message("1"), '"7"'), (message("3"), '"9"')])) == 1
    assert len(other.publish("b", [(message("4"), '"7"')])) == 1  # another client's
    assert len(one.publish("", [(message("5"), None), (message("5"), None)])) == 2
    assert len(one.publish("a", [(message("6"), '"10"'), (message("7"), '"10"')])) == 1
    session = Dedicated(lambda: connect(dsn, "tests", 5))
    _, found = Messages(session).after(start)
    session.close()
    assert [message.data for message in found] == ["1", "2", "3", "4", "5", "5", "6"]
