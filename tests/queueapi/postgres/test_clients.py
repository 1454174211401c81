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
Node = Callable[[], Clients]


@pytest.fixture
def node(dsn: str) -> Iterator[Node]:
    """Makes nodes, each with its own connection."""
    with ExitStack() as stack:

        def make() -> Clients:
            session = Dedicated(lambda: connect(dsn, "tests", 5))
            stack.callback(session.close)
            return Clients(session, uuid4())

        yield make


def test_a_session_is_what_it_was_opened_as(node: Node) -> None:
    one = node()
    opened = one.open("a", True, "c0", TTL)
    assert opened == ClientRow("a", 1, False, True, "{}", "c0")
    assert one.take("a", TTL) == opened._replace(turn=2)


def test_another_node_goes_on_where_the_first_had_come_to(node: Node) -> None:
    one, other = node(), node()
    row = one.open("a", False, "c0", TTL)._replace(
        subscriptions='{"/x":"x","/jobs/7":7}', cursor="c1", sent="c2", sent_for='"5"', number=3
    )
    assert one.save([row], TTL) == {"a"}
    assert other.take("a", TTL) == row._replace(turn=2, roaming=True)


def test_saving_without_subscriptions_leaves_them(node: Node) -> None:
    one = node()
    row = one.open("a", False, "c0", TTL)
    one.save([row._replace(subscriptions='{"/x":"x"}')], TTL)
    one.save([row._replace(subscriptions=None, cursor="c1")], TTL)
    taken = one.take("a", TTL)
    assert taken is not None
    assert (taken.subscriptions, taken.cursor) == ('{"/x":"x"}', "c1")


def test_who_lost_a_session_changes_nothing_of_it_and_still_saves_the_others(node: Node) -> None:
    one, other = node(), node()
    rows = [one.open(id_, False, "c0", TTL) for id_ in "ab"]
    other.take("a", TTL)
    assert one.save([row._replace(cursor="c9") for row in rows], TTL) == {"b"}
    taken = other.take("a", TTL)
    assert taken is not None
    assert taken.cursor == "c0"


def test_whoever_served_it_is_told_and_nobody_else(node: Node, dsn: str) -> None:
    one, other = node(), node()
    one.open("a", False, "c0", TTL)
    with psycopg.connect(dsn, autocommit=True) as listening:
        listening.execute(f"listen {CHANNEL}".encode())
        one.take("a", TTL)  # from itself: nothing to tell
        other.take("a", TTL)
        one.close("a")
        told = [notice.payload for notice in listening.notifies(timeout=5, stop_after=2)]
    assert told == [f"{one._node} a 3", f"{other._node} a 4"]


def test_a_session_whose_time_is_over_is_not_there(node: Node, dsn: str) -> None:
    one = node()
    one.open("a", False, "c0", 0.0)
    one.open("b", False, "c0", TTL)
    assert one.take("a", TTL) is None
    assert not one.touch("a", TTL)
    assert one.touch("b", TTL)
    one.prune()
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select id from queueapi.sessions").fetchall() == [("b",)]


def test_a_session_is_closed_once(node: Node) -> None:
    one = node()
    one.open("a", False, "c0", TTL)
    assert one.close("a")
    assert not one.close("a")
    assert one.take("a", TTL) is None


def test_what_was_published_under_a_number_is_not_published_again(node: Node, dsn: str) -> None:
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
