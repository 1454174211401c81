"""A session on one node: what is held, what is sent again, and what is taken for received."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from longpoll.log import Channels
from longpoll.sessions.asking import Answer
from longpoll.waiter import News
from queueapi.runtime import Runtime
from tests.longpoll.conftest import Jobs, Sql, until
from tests.longpoll.sessions.conftest import Node


@pytest.fixture
def publish(runtime: Runtime) -> Callable[[str, int], int]:
    """A message with a number in it."""
    return lambda name, number: Channels(lambda: runtime)[name].publish("message", number)


Publish = Callable[[str, int], int]


# -- holding


def test_the_first_connect_is_answered_at_once_and_the_next_is_held(node: Node, publish: Publish) -> None:
    session = node.sessions.open(False)
    assert node.ask(session.id, "1").data() == []
    node.subscribe(session.id, "x")
    asked = node.ask(session.id, "2")
    assert asked.is_held
    publish("x", 1)
    assert asked.data() == ["1"]


def test_one_that_does_not_wait_is_answered_at_once(node: Node, publish: Publish) -> None:
    session = node.open("x")
    assert node.ask(session.id, "2", wait=0.0).data() == []


def test_another_connect_answers_the_one_that_waits(node: Node, publish: Publish) -> None:
    session = node.open("x")
    former, latter = node.ask(session.id, "2"), node.ask(session.id, "3")
    assert former.wait() == Answer(None, 0)
    publish("x", 1)
    assert latter.data() == ["1"]


def test_what_comes_between_two_connects_is_there_for_the_second(node: Node, publish: Publish) -> None:
    session = node.open("x")
    publish("x", 1)
    publish("x", 2)
    node.catch_up()
    assert node.ask(session.id, "2").data() == ["1", "2"]


def test_who_leaves_while_waiting_misses_nothing(node: Node, publish: Publish) -> None:
    session = node.open("x")
    asked = node.ask(session.id, "2")
    held = session._held
    assert held
    session.forget(held)
    assert node.feed.hub.held == 0
    publish("x", 1)
    assert node.ask(session.id, "2").data() == ["1"]
    assert asked.is_held


# -- confirming


def test_a_connect_with_the_same_id_is_sent_the_same_again_and_what_came_since(node: Node, publish: Publish) -> None:
    session = node.open("x")
    publish("x", 1)
    for _ in range(3):
        assert node.ask(session.id, "2").data() == ["1"]
    publish("x", 2)
    node.catch_up()
    assert node.ask(session.id, "2").data() == ["1", "2"]
    assert node.ask(session.id, "3", wait=0.0).data() == []


def test_a_client_without_ids_is_sent_nothing_twice(node: Node, publish: Publish) -> None:
    session = node.open("x")
    publish("x", 1)
    assert node.ask(session.id, None).data() == ["1"]  # type: ignore[arg-type]
    assert node.ask(session.id, None, wait=0.0).data() == []  # type: ignore[arg-type]


def test_a_client_that_counts_confirms_by_number_whatever_its_ids_are(node: Node, publish: Publish) -> None:
    session = node.open("x", acks=True)
    publish("x", 1)
    first = node.ask(session.id, "2", ack=0)
    assert (first.data(), first.wait().number) == (["1"], 1)
    again = node.ask(session.id, "3", ack=0)
    assert (again.data(), again.wait().number) == (["1"], 2)
    publish("x", 2)
    assert node.ask(session.id, "3", ack=2).data() == ["2"]
    assert node.ask(session.id, "4", ack=1).data() == ["2"]
    assert node.ask(session.id, "5", ack=4, wait=0.0).data() == []


def test_what_a_counting_client_is_sent_is_written_down_before(node: Node, publish: Publish, sql: Sql) -> None:
    session = node.open("x", acks=True)
    written: list[tuple[object, ...]] = []

    def look(answer: Answer) -> None:
        written.extend(sql("select sent, sent_for, number from queueapi.sessions where id = %s", session.id))

    publish("x", 1)
    news = node.ask(session.id, "2", ack=0, then=look).wait().news
    assert news
    assert written == [(news.cursor, "2", 1)]


def test_how_far_the_others_came_is_written_down_soon(node: Node, publish: Publish, sql: Sql) -> None:
    session = node.open("x")
    publish("x", 1)
    news = node.ask(session.id, "2").wait().news
    assert news
    until(lambda: sql("select sent from queueapi.sessions where id = %s", session.id) == [(news.cursor,)])


# -- listening to something else


def test_a_subscription_counts_for_the_connect_that_waits(node: Node, publish: Publish) -> None:
    session = node.open("x")
    asked = node.ask(session.id, "2")
    node.subscribe(session.id, "y")
    publish("y", 1)
    assert asked.data() == ["1"]


def test_a_subscription_brings_nothing_from_before_it(node: Node, publish: Publish) -> None:
    session = node.open("x")
    publish("y", 1)  # which the node has not read yet, or has: it makes no difference
    node.subscribe(session.id, "y")
    publish("y", 2)
    node.catch_up()
    for _ in range(2):
        assert node.ask(session.id, "2").data() == ["2"]
    publish("y", 3)
    assert node.ask(session.id, "3").data() == ["3"]


def test_nor_does_it_at_another_node_or_over_a_stream(
    node: Node, new_node: Callable[..., Node], publish: Publish
) -> None:
    session = node.open("x")
    publish("y", 1)
    other = new_node()
    other.subscribe(session.id, "y")
    publish("y", 2)
    node.catch_up()
    found = node.sessions.find(session.id)
    assert found
    heard: list[News] = []
    found.stream(None, heard.append, lambda: None)
    until(lambda: [told.data for news in heard for told in news.messages] == ["2"])


def test_what_is_unsubscribed_from_is_not_heard(node: Node, publish: Publish) -> None:
    session = node.open("x", "y")
    assert node.sessions.change(session.id, {}, ["/y"], lambda _: None) is session
    publish("y", 1)
    publish("x", 2)
    assert node.ask(session.id, "2").data() == ["2"]


def test_a_job_shows_its_present_state_and_then_what_becomes_of_it(node: Node, jobs: Jobs) -> None:
    (id_,) = jobs.push()
    session = node.open("x")
    node.sessions.change(session.id, {f"/jobs/{id_}": id_}, (), lambda _: None)
    assert node.ask(session.id, "2").data() == ["queued"]
    asked = node.ask(session.id, "3")
    jobs.claim()
    jobs.finish(id_)
    assert asked.data() in (["running"], ["done"])


# -- losing something is said


def test_a_cursor_that_cannot_be_honoured_is_said_until_the_client_has_heard_it(
    node: Node, publish: Publish, sql: Sql
) -> None:
    session = node.open("x")
    node.sessions._lost(session)
    sql("update queueapi.sessions set cursor = 'nonsense', sent = null where id = %s", session.id)

    def reset(number: str) -> bool:
        news = node.ask(session.id, number, wait=0.0).wait().news
        return isinstance(news, News) and news.reset

    assert reset("7")  # the first that a session is asked by is answered at once
    assert reset("7")
    assert not reset("8")


# -- a stream


def test_a_stream_goes_on_from_what_its_client_has(node: Node, publish: Publish) -> None:
    session = node.open("x")
    heard: list[News] = []
    ended: list[int] = []
    publish("x", 1)
    stream = session.stream(None, heard.append, lambda: ended.append(1))
    until(lambda: heard and heard[-1].messages)
    first = heard[-1].cursor
    publish("x", 2)
    until(lambda: len([told for news in heard for told in news.messages]) == 2)
    session.leave(stream)
    assert ended == [1]
    publish("x", 3)
    again: list[News] = []
    session.stream(first, again.append, lambda: ended.append(2))
    until(lambda: [told.data for news in again for told in news.messages] == ["2", "3"])
    node.subscribe(session.id, "y")
    publish("y", 4)
    until(lambda: [told.data for news in again for told in news.messages] == ["2", "3", "4"])
    assert node.ask(session.id, "2", wait=0.0).wait() == Answer(None, 0)  # which is said beside a stream
    assert ended == [1]
    node.ask(session.id, "3")  # who waits has no stream any more
    assert ended == [1, 2]


def test_what_a_stream_brought_counts_as_received_two_beats_later(node: Node, publish: Publish) -> None:
    session = node.open("x")
    heard: list[News] = []
    session.stream(None, heard.append, lambda: None)
    publish("x", 1)
    until(lambda: heard and heard[-1].messages)
    start = session.row().cursor
    session.beat()
    assert session.row().cursor == start
    session.beat()
    assert session.row().cursor == heard[-1].cursor
