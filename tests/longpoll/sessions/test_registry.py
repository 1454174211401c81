"""Sessions on several nodes: taken over without loss, told to whoever had them, ended when nobody comes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from longpoll.log import Channels
from longpoll.sessions.asking import Answer
from queueapi.runtime import Runtime
from tests.longpoll.conftest import Sql, until
from tests.longpoll.sessions.conftest import Node

Publish = Callable[[str, int], int]


@pytest.fixture
def publish(runtime: Runtime) -> Publish:
    """A message with a number in it."""
    return lambda name, number: Channels(lambda: runtime)[name].publish("message", number)


def test_another_node_goes_on_with_what_was_listened_to(node: Node, other: Node, publish: Publish) -> None:
    session = node.open("x", "y")
    publish("x", 1)
    other.catch_up()
    assert other.ask(session.id, "2").data() == ["1"]
    publish("y", 2)
    assert other.ask(session.id, "3").data() == ["2"]


def test_the_node_that_holds_a_request_answers_it_when_another_takes_the_session(
    node: Node, other: Node, publish: Publish
) -> None:
    session = node.open("x")
    held = node.ask(session.id, "2")
    assert other.sessions.find(session.id)
    assert held.wait() == Answer(None, 0)
    assert node.sessions.here(session.id) is None


@pytest.mark.parametrize("acks", [False, True])
def test_a_client_that_asks_each_node_in_turn_gets_everything_once(
    node: Node, other: Node, publish: Publish, acks: bool
) -> None:
    session = node.open("x", acks=acks)
    came: list[str] = []
    ack = 0
    for number in range(20):
        publish("x", number)
        turn = (other, node)[number % 2]
        turn.catch_up()
        asked = turn.ask(session.id, str(number), ack=ack if acks else None)
        came += asked.data()
        ack = asked.wait().number
    assert came == [str(number) for number in range(20)]


def test_a_node_that_answers_for_a_session_that_it_has_lost_changes_nothing(
    node: Node, other: Node, publish: Publish, sql: Sql
) -> None:
    session = node.open("x")
    node.deafen()
    other.ask(session.id, "2", wait=0.0).wait()
    publish("x", 1)
    assert node.ask(session.id, "3").data() == ["1"]
    until(lambda: node.sessions.here(session.id) is None)  # it found out when it wrote that down
    assert sql("select turn, sent from queueapi.sessions") == [(2, None)]
    assert other.ask(session.id, "4").data() == ["1"]


def test_a_client_that_counts_is_told_nothing_by_a_node_that_has_lost_it(
    node: Node, other: Node, publish: Publish
) -> None:
    session = node.open("x", acks=True)
    node.deafen()
    other.ask(session.id, "2", ack=0, wait=0.0).wait()
    publish("x", 1)
    assert node.ask(session.id, "3", ack=0).wait().news is None
    answer = other.ask(session.id, "4", ack=0)
    assert (answer.data(), answer.wait().number) == (["1"], 1)


def test_what_was_sent_by_one_node_is_confirmed_at_the_other(node: Node, other: Node, publish: Publish) -> None:
    session = node.open("x", acks=True)
    publish("x", 1)
    sent = node.ask(session.id, "2", ack=0)
    assert sent.data() == ["1"]
    assert other.ask(session.id, "3", ack=1, wait=0.0).data() == []
    publish("x", 2)
    assert other.ask(session.id, "4", ack=1).data() == ["2"]
    assert node.ask(session.id, "5", ack=1).data() == ["2"]  # the answer never came


def test_subscriptions_at_two_nodes_at_once_are_both_kept(node: Node, other: Node, publish: Publish) -> None:
    session = node.open()
    names = [f"c{number}" for number in range(20)]
    threads = [
        threading.Thread(target=(node, other)[number % 2].subscribe, args=(session.id, name))
        for number, name in enumerate(names)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = node.sessions.find(session.id)
    assert found
    assert sorted(found.subscriptions) == sorted(f"/{name}" for name in names)


def test_two_requests_at_once_take_a_session_over_once(node: Node, other: Node, sql: Sql) -> None:
    session = node.open("x")
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(other.sessions.find(session.id))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert sql("select turn, roaming from queueapi.sessions") == [(2, True)]


def test_a_session_is_over_when_its_client_stays_away(new_node: Callable[..., Node], sql: Sql) -> None:
    node = new_node(ttl=-120.0)
    session = node.sessions.open(False)
    assert not node.sessions.touch(session.id)
    node.sessions._sweep()
    assert node.sessions.here(session.id) is None
    assert node.sessions.find(session.id) is None
    assert sql("select count(*) from queueapi.sessions") == [(0,)]


def test_a_session_whose_request_is_held_is_not_over(new_node: Callable[..., Node]) -> None:
    node = new_node(ttl=0.0)
    session = node.open("x")
    asked = node.ask(session.id, "2")
    node.sessions._sweep()
    assert node.sessions.here(session.id) is session
    assert asked.is_held


def test_a_closed_session_is_closed_everywhere_and_its_request_is_answered(node: Node, other: Node) -> None:
    session = node.open("x")
    held = node.ask(session.id, "2")
    assert other.sessions.close(session.id)
    assert held.wait() == Answer(None, 0)
    assert node.sessions.find(session.id) is None
    assert not other.sessions.close(session.id)


def test_a_node_that_stops_writes_down_how_far_everybody_came(
    new_node: Callable[..., Node], other: Node, publish: Publish
) -> None:
    node = new_node()
    session = node.open("x")
    publish("x", 1)
    assert node.ask(session.id, "2").data() == ["1"]
    held = node.ask(session.id, "3")
    node.feed.stop()
    answer = held.wait()
    assert answer.news is not None
    assert answer.news.messages == []
    assert other.ask(session.id, "4", wait=0.0).data() == []
