"""pusher-js as it is published, against longpoll-serve as it is started: every transport, every scenario.

A plain client of Pusher's protocol cannot ask for what it missed. So whenever something may be missing it is made to
connect anew: it has another socket id, and is told once more that it is subscribed. Nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from longpoll.log import Channels
from tests.clients.client import Client
from tests.clients.nodes import Node
from tests.clients.pusher.conftest import Kind, Start, World
from tests.clients.relay import Relay
from tests.longpoll.conftest import until

pytestmark = pytest.mark.system


def heard(client: Client, channel: str) -> list[tuple[str, object]]:
    """(event, data) of the messages on that channel, as they came."""
    return [(told["name"], told["data"]) for told in client.events("message") if told["channel"] == channel]


def sessions(client: Client) -> int:
    return len(client.events("session"))


def subscribed(client: Client, channel: str) -> int:
    """How often it was told that it is."""
    return client.events("subscribed").count({"event": "subscribed", "channel": channel})


def hears(world: World, client: Client, channel: str, *numbers: int) -> None:
    """Trigger these, and wait until they have come, each once and in order after all that came before."""
    before = heard(client, channel)
    for number in numbers:
        world.api.trigger(channel, "said", {"n": number})
    expected = [*before, *(("said", {"n": number}) for number in numbers)]
    client.wait(lambda: len(heard(client, channel)) >= len(expected))
    assert heard(client, channel) == expected


def begins_anew(client: Client, channel: str) -> Callable[[], None]:
    """Wait, once that is called, until the client has been told that it is connected anew, and subscribed anew."""
    times, ids = subscribed(client, channel), {told["id"] for told in client.events("session")}

    def wait() -> None:
        client.wait(lambda: subscribed(client, channel) > times)
        assert client.events("session")[-1]["id"] not in ids

    return wait


# -- what it is for


def test_what_is_triggered_comes_by_the_transport_that_was_asked_for(
    world: World, client: Client, kind: Kind, place: str
) -> None:
    client.subscribe(place)
    hears(world, client, place, *range(5))
    assert client.events("session")[0]["transport"] == kind.transports.split(",")[0]


def test_what_the_application_publishes_comes(world: World, client: Client, place: str) -> None:
    client.subscribe(place)
    Channels(lambda: world.runtime)[place].publish("said", {"ü": "\u2028 </script>", "__proto__": 1})
    Channels(lambda: world.runtime).publish(f"/{place}", "plain")
    client.wait(lambda: len(heard(client, place)) == 2)
    assert heard(client, place) == [("said", {"ü": "\u2028 </script>", "__proto__": 1}), ("message", "plain")]


def test_the_application_decides_who_may_listen(client: Client, place: str) -> None:
    client.subscribe(f"private-{place}")
    client.do("subscribe", channel=f"private-closed-{place}")
    client.wait(lambda: client.events("refused"))
    assert client.events("refused") == [{"event": "refused", "channel": f"private-closed-{place}", "status": 403}]


def test_clients_talk_to_each_other_and_know_who_is_there(start: Start, place: str) -> None:
    room = f"presence-{place}"
    ann, bob = start("ann"), start("bob")
    ann.subscribe(room)
    ann.wait(lambda: ann.events("members"))
    assert ann.events("members")[0]["ids"] == ["ann"]
    bob.subscribe(room)
    bob.wait(lambda: bob.events("members"))
    assert (bob.events("members")[0]["ids"], bob.events("members")[0]["me"]) == (["ann", "bob"], "bob")
    ann.wait(lambda: ann.events("member_added"))
    assert ann.events("member_added") == [
        {"event": "member_added", "channel": room, "id": "bob", "info": {"name": "bob"}}
    ]
    bob.do("trigger", channel=room, name="client-typing", data={"at": 7})
    ann.wait(lambda: ann.events("said by"))
    assert heard(ann, room) == [("client-typing", {"at": 7})]
    assert ann.events("said by") == [{"event": "said by", "user_id": "bob"}]
    assert heard(bob, room) == [], "the sender does not hear itself"
    bob.do("disconnect")
    ann.wait(lambda: ann.events("member_removed"))
    assert [told["id"] for told in ann.events("member_removed")] == ["bob"]


def test_who_is_signed_in_is_reached_and_can_be_sent_away(world: World, client: Client, place: str) -> None:
    client.subscribe(place)
    client.do("signin")
    client.wait(lambda: client.events("signed in"))
    until(lambda: _reaches(world, client))
    world.api.ask("POST", "/users/ann/terminate_connections", {})
    client.wait(lambda: client.events("state")[-1]["current"] == "disconnected")
    assert client.events("error")[-1]["code"] == 4009


def _reaches(world: World, client: Client) -> list[dict[str, object]]:
    """A client subscribes to what is sent to its user by itself, and tells nobody when that is done."""
    world.api.trigger("#server-to-user-ann", "greeted", {"a": 1})
    return [told for told in client.events("user") if told["name"] == "greeted" and told["data"] == {"a": 1}]


def test_a_channel_is_left_when_nobody_listens(world: World, client: Client, place: str) -> None:
    client.subscribe(place)
    assert world.api.get(f"channels/{place}")[1]["occupied"]
    client.do("unsubscribe", channel=place)
    until(lambda: not world.api.get(f"channels/{place}")[1]["occupied"])


# -- what goes wrong


def test_after_each_of_three_cuts_it_is_told_that_it_begins_anew(
    world: World, client: Client, relay: Relay, place: str
) -> None:
    client.subscribe(place)
    for turn in range(3):
        hears(world, client, place, turn)
        until(lambda: world.node.held)
        anew = begins_anew(client, place)
        relay.cut()
        anew()
    hears(world, client, place, 3)


def test_where_a_node_is_killed_another_goes_on_and_the_client_knows(
    world: World, client: Client, relay: Relay, place: str
) -> None:
    client.subscribe(place)
    hears(world, client, place, 1)
    until(lambda: world.node.held)
    anew = begins_anew(client, place)
    relay.lead_to(world.spare.port)
    world.replace(Node.kill)
    anew()
    hears(world, client, place, 2, 3)


def test_where_a_node_stops_another_goes_on(world: World, client: Client, kind: Kind, relay: Relay, place: str) -> None:
    client.subscribe(place)
    hears(world, client, place, 1)
    until(lambda: world.node.held)
    anew = begins_anew(client, place)
    relay.lead_to(world.spare.port)
    world.replace(Node.stop)
    if kind.name != "polling":  # a poll is answered, and the next goes on where it was: there is nothing to tell
        anew()
    hears(world, client, place, 2, 3)
    assert sessions(client) == (1 if kind.name == "polling" else 2)


def test_the_database_may_be_restarted_and_nothing_is_missing(world: World, client: Client, place: str) -> None:
    client.subscribe(place)
    hears(world, client, place, 1)
    until(lambda: world.node.held)  # a poll that comes while there is no database is refused, and its client knows
    world.restart_database()
    hears(world, client, place, 2)
    assert sessions(client) == 1


def test_where_the_database_crashed_the_client_is_told_that_it_begins_anew(
    world: World, client: Client, place: str
) -> None:
    client.subscribe(place)
    client.subscribe(f"presence-{place}")
    hears(world, client, place, 1)
    anew = begins_anew(client, place)
    world.restart_database("immediate")
    anew()
    hears(world, client, place, 2)
    users = {"users": [{"id": "ann"}]}
    until(lambda: world.api.get(f"channels/presence-{place}/users") == (200, users))


def test_of_a_hundred_messages_while_it_was_away_it_is_told_by_beginning_anew(
    world: World, client: Client, relay: Relay, place: str
) -> None:
    client.subscribe(place)
    hears(world, client, place, 0)
    until(lambda: world.node.held)
    anew = begins_anew(client, place)
    relay.refuse()
    client.wait(lambda: client.events("state")[-1]["current"] != "connected")
    for number in range(1, 101):
        Channels(lambda: world.runtime)[place].publish("said", {"n": number})
    relay.accept()
    anew()
    assert heard(client, place) == [("said", {"n": 0})], "all or nothing, and not a few of them"
    hears(world, client, place, 101)
