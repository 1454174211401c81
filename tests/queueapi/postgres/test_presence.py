"""Who is connected where, over several nodes: announced once, in order, and gone with its node."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from queueapi.messages import NewMessage
from queueapi.postgres.census import Census
from queueapi.postgres.connection import connect
from queueapi.postgres.fallbacks import Fallbacks
from queueapi.postgres.messages import Messages
from queueapi.postgres.presence import Presence, Swept
from queueapi.postgres.sessions import Borrowed, Dedicated
from queueapi.presence import Change, Crowd, Ending, Joining, Leaving, Outcome, Releasing

Sql = Callable[..., list[tuple[Any, ...]]]
ROOM = "presence-room"


class Node:
    """A process that serves browsers; it writes down what is to be announced, and in the log as well."""

    def __init__(self, dsn: str) -> None:
        self.id: UUID = uuid4()
        self.session = Dedicated(lambda: connect(dsn, "tests", 5))
        self.presence = Presence(self.session, self.id, self._announce)
        self.announced: list[Change] = []
        self.presence.renew(60)

    def _announce(self, inside: Borrowed, changes: Sequence[Change]) -> None:
        self.announced += changes
        told = [NewMessage(c.channel, c.event, json.dumps(c.user_id)) for c in changes if c.user_id is not None]
        if told:
            Messages(inside).publish(told)

    def join(self, *joining: Joining) -> Outcome:
        return self.presence.carry_out(joining, [], [], [], 30, 1_000)

    def enter(self, connection: str, user_id: str, channel: str = ROOM, fallback: bool = False) -> Outcome:
        return self.join(Joining(connection, channel, user_id, json.dumps({"name": user_id}), fallback))

    def leave(self, *leaving: Leaving) -> None:
        self.presence.carry_out([], leaving, [], [], 30, 1_000)

    def said(self) -> list[tuple[str, str | None]]:
        """What was announced since the last time: (event, user)."""
        said, self.announced = [(change.event, change.user_id) for change in self.announced], []
        return said


@pytest.fixture
def new_node(dsn: str) -> Iterator[Callable[[], Node]]:
    nodes: list[Node] = []

    def make() -> Node:
        nodes.append(Node(dsn))
        return nodes[-1]

    yield make
    for node in nodes:
        node.session.close()


NewNode = Callable[[], Node]


def test_a_channel_is_occupied_by_its_first_connection_and_vacated_by_its_last(new_node: NewNode) -> None:
    one, two = new_node(), new_node()
    one.join(Joining("1.1", "news"))
    two.join(Joining("2.1", "news"))
    assert (one.said(), two.said()) == ([("channel_occupied", None)], [])
    assert Census(one.session).channels("") == {"news": Crowd(2, 0)}
    one.leave(Leaving("1.1", "news"))
    two.leave(Leaving("2.1", "news"))
    assert (one.said(), two.said()) == ([], [("channel_vacated", None)])
    assert Census(one.session).channels("") == {}


def test_a_member_with_several_connections_comes_once_and_goes_with_the_last(new_node: NewNode) -> None:
    one, two = new_node(), new_node()
    one.enter("1.1", "ann")
    two.enter("2.1", "ann")
    assert one.said() == [("channel_occupied", None), ("member_added", "ann")]
    assert two.said() == []
    assert Census(one.session).crowds([ROOM]) == {ROOM: Crowd(2, 1)}
    one.leave(Leaving("1.1", ROOM))
    assert one.said() == []
    assert Census(one.session).users(ROOM) == ["ann"]
    two.leave(Leaving("2.1", ROOM))
    assert sorted(two.said()) == [("channel_vacated", None), ("member_removed", "ann")]


def test_one_who_joins_is_given_all_members_and_the_number_up_to_which_they_are_told(
    new_node: NewNode, sql: Sql
) -> None:
    node = new_node()
    node.enter("1.1", "ann")
    roll = node.enter("1.2", "bob").roll
    assert roll.members == {ROOM: [("ann", '{"name": "ann"}'), ("bob", '{"name": "bob"}')]}
    assert [id_ > roll.number for (id_,) in sql("select id from queueapi.messages order by id")] == [False, False]
    node.enter("1.3", "cid")
    assert [id_ > roll.number for (id_,) in sql("select id from queueapi.messages order by id")][2:] == [True]


def test_what_is_carried_out_twice_changes_nothing_more(new_node: NewNode) -> None:
    node = new_node()
    node.enter("1.1", "ann")
    node.said()
    assert node.enter("1.1", "ann").joined == {("1.1", ROOM)}
    assert node.said() == []
    node.leave(Leaving("1.1", ROOM))
    node.said()
    node.leave(Leaving("1.1", ROOM))
    assert node.said() == []
    assert Census(node.session).channels("") == {}


def test_who_comes_in_the_same_moment_as_his_other_connection_goes_does_not_leave(new_node: NewNode) -> None:
    node = new_node()
    node.enter("1.1", "ann")
    node.said()
    joining = [Joining("1.2", ROOM, "ann", None)]
    node.presence.carry_out(joining, [Leaving("1.1", ROOM)], [], [], 30, 1_000)
    assert node.said() == []
    assert Census(node.session).crowds([ROOM]) == {ROOM: Crowd(1, 1)}


def test_a_channel_has_as_many_members_as_it_may_and_each_any_number_of_connections(new_node: NewNode) -> None:
    node = new_node()
    people = ["ann", "bob", "ann", "cid", "bob", "dan"]
    joining = [Joining(f"1.{number}", ROOM, who, None) for number, who in enumerate(people)]
    outcome = node.presence.carry_out([*joining, Joining("1.9", "news")], [], [], [], 30, 2)
    assert outcome.joined == {("1.0", ROOM), ("1.1", ROOM), ("1.2", ROOM), ("1.4", ROOM), ("1.9", "news")}
    assert outcome.full == {("1.3", ROOM), ("1.5", ROOM)}
    assert Census(node.session).crowds([ROOM]) == {ROOM: Crowd(4, 2)}
    again = node.presence.carry_out([Joining("2.1", ROOM, "ann"), Joining("2.2", ROOM, "eve")], [], [], [], 30, 2)
    assert (again.joined, again.full) == ({("2.1", ROOM)}, {("2.2", ROOM)})
    nobody = node.presence.carry_out([Joining("2.3", "presence-other", "ann")], [], [], [], 30, 0)
    assert nobody.full == {("2.3", "presence-other")}
    assert "presence-other" not in Census(node.session).channels("")


def test_a_dead_nodes_members_are_taken_away_by_the_living_once(new_node: NewNode) -> None:
    dead, one, two = new_node(), new_node(), new_node()
    dead.enter("1.1", "ann")
    dead.join(Joining("1.1", "news"))
    one.enter("2.1", "bob")
    one.said()
    dead.presence.renew(-1)
    sweeping = [threading.Thread(target=node.presence.sweep) for node in (one, two)]
    for thread in sweeping:
        thread.start()
    for thread in sweeping:
        thread.join()
    assert sorted(one.said() + two.said()) == [("channel_vacated", None), ("member_removed", "ann")]
    assert Census(one.session).channels("") == {ROOM: Crowd(1, 1)}


def test_a_node_that_was_taken_for_dead_is_told_so_and_can_add_nothing(new_node: NewNode) -> None:
    node, other = new_node(), new_node()
    node.presence.renew(-1)
    other.presence.sweep()
    with pytest.raises(Swept):
        node.enter("1.1", "ann")
    assert Census(other.session).channels("") == {}
    assert node.presence.renew(60), "it is new again"
    assert not node.presence.renew(60)
    node.enter("1.1", "ann")


def test_a_node_that_stops_takes_all_it_holds_away(new_node: NewNode) -> None:
    node, other = new_node(), new_node()
    node.enter("1.1", "ann")
    Fallbacks(node.session).open("k/1/a", "1.2", "{}", 30, node.id)
    node.enter("1.2", "bob", fallback=True)
    node.said()
    node.presence.leave()
    assert sorted(node.said()) == [("channel_vacated", None), ("member_removed", "ann"), ("member_removed", "bob")]
    assert Fallbacks(other.session).claim("k/1/a", other.id) is None


def test_a_fallback_connection_outlives_the_node_that_answered_it_last(new_node: NewNode) -> None:
    one, two = new_node(), new_node()
    opened = Fallbacks(one.session).open("k/1/a", "1.1", "{}", 30, one.id)
    assert opened is not None
    one.enter("1.1", "ann", fallback=True)
    one.said()
    released = one.presence.carry_out([], [], [Releasing("k/1/a", opened.lease, '{"a": 1}', "c")], [], 30, 1_000)
    assert released.released == {"k/1/a"}
    one.presence.renew(-1)
    two.presence.sweep()
    assert two.said() == []
    claimed = Fallbacks(two.session).claim("k/1/a", two.id)
    assert claimed is not None
    assert (claimed.connection, claimed.state, claimed.cursor) == ("1.1", '{"a": 1}', "c")
    assert claimed.lease > opened.lease


def test_a_fallback_connection_that_is_answered_by_a_node_dies_with_it(new_node: NewNode) -> None:
    one, two = new_node(), new_node()
    Fallbacks(one.session).open("k/1/a", "1.1", "{}", 30, one.id)
    one.enter("1.1", "ann", fallback=True)
    one.presence.renew(-1)
    two.presence.sweep()
    assert sorted(two.said()) == [("channel_vacated", None), ("member_removed", "ann")]
    assert Fallbacks(two.session).claim("k/1/a", two.id) is None


def test_a_fallback_connection_that_nobody_asks_for_is_over_in_time(new_node: NewNode) -> None:
    node = new_node()
    opened = Fallbacks(node.session).open("k/1/a", "1.1", "{}", 30, node.id)
    assert opened is not None
    node.enter("1.1", "ann", fallback=True)
    node.presence.carry_out([], [], [Releasing("k/1/a", opened.lease, "{}", None)], [], -1, 1_000)
    assert Fallbacks(node.session).claim("k/1/a", node.id) is None, "before it is swept, too"
    assert not Fallbacks(node.session).send("k/1/a", "longpoll:x", ["{}"])
    node.said()
    node.presence.sweep()
    assert sorted(node.said()) == [("channel_vacated", None), ("member_removed", "ann")]
    assert node.enter("1.1", "ann", fallback=True).joined == set()


def test_only_who_took_a_fallback_connection_last_gives_it_back_or_ends_it(new_node: NewNode) -> None:
    one, two = new_node(), new_node()
    first = Fallbacks(one.session).open("k/1/a", "1.1", "{}", 30, one.id)
    assert first is not None
    assert Fallbacks(two.session).open("k/1/a", "1.2", "{}", 30, two.id) is None
    second = Fallbacks(two.session).claim("k/1/a", two.id)
    assert second is not None
    two.enter("1.1", "ann", fallback=True)
    two.said()
    late = one.presence.carry_out(
        [], [], [Releasing("k/1/a", first.lease, "late", None)], [Ending("k/1/a", first.lease)], 30, 1_000
    )
    assert late.released == set()
    assert one.said() == []
    two.presence.carry_out([], [], [], [Ending("k/1/a", second.lease)], 30, 1_000)
    assert sorted(two.said()) == [("channel_vacated", None), ("member_removed", "ann")]


def test_what_a_client_says_is_written_to_the_log_only_if_its_connection_is_there(new_node: NewNode, sql: Sql) -> None:
    node = new_node()
    fallbacks = Fallbacks(node.session)
    fallbacks.open("k/1/a", "1.1", "{}", 30, None)
    assert fallbacks.send("k/1/a", "longpoll:x", ['{"a": "ü"}', "b"])
    assert not fallbacks.send("k/1/b", "longpoll:x", ["c"])
    rows = sql("select channel, event, data::text from queueapi.messages order by id")
    assert [(channel, event, json.loads(data)) for channel, event, data in rows] == [
        ("longpoll:x", "frame", '{"a": "ü"}'),
        ("longpoll:x", "frame", "b"),
    ]


def test_counts_are_told_when_they_have_changed_and_by_one_node(new_node: NewNode) -> None:
    one, two = new_node(), new_node()
    told: list[dict[str, int]] = []

    def announce(node: Node) -> None:
        node.presence.announce_counts(lambda _, counts: told.append(dict(counts)))

    one.join(Joining("1.1", "news"), Joining("1.2", "news"), Joining("1.1", ROOM, "ann"))
    announce(one)
    announce(two)
    assert told == [{"news": 2}]
    one.leave(Leaving("1.1", "news"))
    announce(two)
    assert told == [{"news": 2}, {"news": 1}]


def test_the_last_message_of_the_application_is_found_and_no_other(new_node: NewNode, session: Dedicated) -> None:
    log = Messages(session)
    log.publish([NewMessage("cache-a", "old", "1"), NewMessage("cache-a", "new", "2", '{"sender": "1.1"}')])
    log.publish(
        [NewMessage("cache-a", "client-x", "3"), NewMessage("cache-a", "member_added", "4", '{"internal":true}')]
    )
    latest = Census(session).latest(["cache-a", "cache-b"], 1800)
    assert {name: (one.message.event, one.message.data) for name, one in latest.items()} == {"cache-a": ("new", "2")}
    assert Census(session).latest(["cache-a"], 0) == {}


def test_among_many_nodes_that_come_and_go_the_log_of_each_member_alternates(new_node: NewNode, sql: Sql) -> None:
    nodes = [new_node() for _ in range(4)]
    failures: list[BaseException] = []

    def come_and_go(number: int) -> None:
        chance = random.Random(number)
        mine: set[tuple[str, str, str]] = set()
        try:
            for step in range(120):
                if mine and chance.random() < 0.5:
                    connection, channel, user = gone = chance.choice(sorted(mine))
                    nodes[number].leave(Leaving(connection, channel))
                    mine.discard(gone)
                else:
                    user, channel = chance.choice("abc"), chance.choice(["presence-a", "presence-b"])
                    connection = f"{number}.{step}"
                    nodes[number].enter(connection, user, channel)
                    mine.add((connection, channel, user))
            for connection, channel, _ in sorted(mine):
                nodes[number].leave(Leaving(connection, channel))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Census(nodes[0].session).channels("") == {}
    told: dict[tuple[str, str], list[str]] = {}
    for channel, event, user in sql("select channel, event, data::text from queueapi.messages order by id"):
        told.setdefault((channel, user), []).append(event)
    assert len(told) == 6
    for events in told.values():
        assert events == ["member_added", "member_removed"] * (len(events) // 2)
