"""Clients as they are published, against longpoll-serve as it is started: every client, every scenario."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.clients.bayeux.conftest import World
from tests.clients.bayeux.kinds import Kind
from tests.clients.client import Client
from tests.clients.nodes import Node
from tests.clients.relay import Relay
from tests.longpoll.conftest import until

pytestmark = pytest.mark.system

LAST = -1


def came(world: World, client: Client, kind: Kind, place: str, sent: Sequence[int]) -> None:
    """Wait for another message; all that was sent came before it, in that order, and what counts got nothing twice."""
    world.publish(place[1:], LAST)
    client.wait(lambda: {"n": LAST} in client.data())
    numbers = [data["n"] for data in client.data()]
    assert list(dict.fromkeys(numbers)) == [*sent, LAST]
    if kind.counts:
        assert numbers == [*sent, LAST]
    assert client.events("reset") == []


def sessions(client: Client) -> int:
    return len(client.events("session"))


def test_what_the_application_publishes_comes(world: World, client: Client, kind: Kind, place: str) -> None:
    client.subscribe(place)
    world.publish(place[1:], *range(5))
    came(world, client, kind, place, range(5))
    world.publish(place[1:], 7, event="said")
    client.wait(lambda: (place, {"event": "said", "data": {"n": 7}}) in client.messages)


def test_what_one_client_publishes_comes_to_another(start: Callable[[], Client], place: str) -> None:
    one, other = start(), start()
    one.subscribe(place)
    data = {"text": "ü \u2028 </script>", "deep": [{"n": 1.5}, None, True], "__proto__": {}}
    other.subscribe(f"{place}/private-room-of-nobody")
    assert other.publish(place, data)["event"] == "published"
    one.wait(lambda: one.data() == [data])
    assert other.data() == []


def test_a_pattern_brings_what_is_below_it_once(world: World, client: Client, place: str) -> None:
    client.subscribe(f"{place}/**")
    for number, channel in enumerate(("", "/a", "/a/b", "x/a")):
        world.publish(f"{place[1:]}{channel}".replace("/", "."), number)
    world.publish(f"{place[1:]}.end", LAST)
    client.wait(lambda: {"n": LAST} in client.data())
    assert client.messages[:-1] == [(f"{place}/a", {"n": 1}), (f"{place}/a/b", {"n": 2})]


def test_after_three_reconnects_nothing_is_missing(
    world: World, client: Client, kind: Kind, relay: Relay, place: str
) -> None:
    client.subscribe(place)
    for turn in range(3):
        world.publish(place[1:], 10 * turn)
        client.wait(lambda: {"n": 10 * turn} in client.data())  # noqa: B023
        until(lambda: world.node.held)
        relay.cut()
        if not (kind.counts or kind.repeats):
            until(lambda: not world.node.held)  # what is on its way to such a one is lost
        world.publish(place[1:], 10 * turn + 1)
    came(world, client, kind, place, [0, 1, 10, 11, 20, 21])
    assert sessions(client) <= 1


def test_where_a_node_is_killed_another_goes_on(
    world: World, client: Client, kind: Kind, relay: Relay, place: str
) -> None:
    client.subscribe(place)
    world.publish(place[1:], 1, 2)
    client.wait(lambda: {"n": 2} in client.data())
    until(lambda: world.node.held)
    node = world.replace(Node.kill)
    world.publish(place[1:], 3, 4)
    relay.lead_to(node.port)
    world.publish(place[1:], 5)
    came(world, client, kind, place, range(1, 6))
    assert sessions(client) <= 1


def test_where_a_node_stops_another_goes_on(world: World, client: Client, kind: Kind, relay: Relay, place: str) -> None:
    client.subscribe(place)
    world.publish(place[1:], 1)
    client.wait(lambda: {"n": 1} in client.data())
    relay.lead_to(world.spare.port)
    world.replace(Node.stop)
    world.publish(place[1:], 2, 3)
    came(world, client, kind, place, range(1, 4))
    assert sessions(client) <= 1


def test_the_database_may_be_restarted(world: World, client: Client, kind: Kind, place: str) -> None:
    client.subscribe(place)
    world.publish(place[1:], 1)
    client.wait(lambda: {"n": 1} in client.data())
    world.restart_database()
    world.publish(place[1:], 2)
    came(world, client, kind, place, [1, 2])
    assert sessions(client) <= 1


def test_a_hundred_messages_wait_for_a_client_that_is_away(
    world: World, client: Client, kind: Kind, relay: Relay, place: str
) -> None:
    client.subscribe(place)
    world.publish(place[1:], 0)
    client.wait(lambda: {"n": 0} in client.data())
    until(lambda: world.node.held)
    relay.refuse()
    until(lambda: not world.node.held)
    world.publish(place[1:], *range(1, 101))
    relay.accept()
    came(world, client, kind, place, range(101))
    assert sessions(client) <= 1
