"""What many connections do, carried out together; and a node that is killed leaves no ghost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from longpoll import presence as module
from longpoll.presence import Presence
from queueapi.events import Events
from queueapi.postgres.census import Census
from queueapi.postgres.connection import Connection
from queueapi.postgres.sessions import Borrowed, Dedicated
from queueapi.presence import Change, Crowd, Joining, Outcome
from tests.longpoll.conftest import Sql, until
from tests.longpoll.pusher_clients import Polls, client
from tests.longpoll.pusher_peer import ENVIRON, Api, member
from tests.longpoll.serving import Service

Opens = Callable[[], Connection]
ROOM = "presence-room"


class Node:
    """A process's presence, and what was said of it."""

    def __init__(self, opens: Opens) -> None:
        self.changes: list[Change] = []
        self.counts: list[dict[str, int]] = []
        self.lost = 0
        self.opened: list[Connection] = []

        def open_() -> Connection:
            self.opened.append(opens())
            return self.opened[-1]

        self.presence = Presence(open_, Events(), self._announce, self._count, self._lose, lambda: None)
        self.presence.start()

    def _announce(self, _: Borrowed, changes: Sequence[Change]) -> None:
        if any(one.info == "poison" for one in changes):
            raise ValueError("what this one says cannot be written")
        self.changes += changes

    def _count(self, _: Borrowed, counts: Mapping[str, int]) -> None:
        self.counts.append(dict(counts))

    def _lose(self) -> None:
        self.lost += 1

    def join(self, connection: str, user_id: str, info: str | None = None) -> Callable[[], Outcome | None]:
        """Join; what is returned waits until that is done."""
        outcomes: list[Outcome | None] = []
        done = threading.Event()

        def tell(outcome: Outcome | None) -> None:
            outcomes.append(outcome)
            done.set()

        self.presence.join(Joining(connection, ROOM, user_id, info), tell)

        def wait() -> Outcome | None:
            assert done.wait(20), "it was never done"
            return outcomes[0]

        return wait


@pytest.fixture
def new_node(open_: Opens) -> Iterator[Callable[[], Node]]:
    nodes: list[Node] = []

    def make() -> Node:
        nodes.append(Node(open_))
        return nodes[-1]

    yield make
    for node in nodes:
        node.presence.stop()


NewNode = Callable[[], Node]


def test_thousands_who_come_at_once_are_written_down_together(
    new_node: NewNode, session: Dedicated, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = new_node()
    batches: list[int] = []
    carry_out = Presence._carry_out

    def counted(self: Presence, batch: Sequence[module.Doing]) -> None:
        batches.append(len(batch))
        carry_out(self, batch)

    monkeypatch.setattr(Presence, "_carry_out", counted)
    waits = [node.join(f"1.{number}", f"u{number % module.MEMBERS}") for number in range(3_000)]
    outcomes = [wait() for wait in waits]
    assert all(outcome and (f"1.{n}", ROOM) in outcome.joined for n, outcome in enumerate(outcomes))
    assert Census(session).channels("") == {ROOM: Crowd(3_000, module.MEMBERS)}
    assert len([change for change in node.changes if change.event == "member_added"]) == module.MEMBERS
    late = node.join("2.1", "one more")()
    assert late is not None
    assert late.full == {("2.1", ROOM)}
    assert len(batches) < 300
    assert max(batches) == module.BATCH


def test_what_one_connection_does_is_done_in_its_order(new_node: NewNode, session: Dedicated) -> None:
    node = new_node()
    for _ in range(20):
        node.join("1.1", "ann")
        node.presence.leave("1.1", [ROOM])
    node.join("1.1", "ann")()
    assert Census(session).channels("") == {ROOM: Crowd(1, 1)}
    node.presence.leave("1.1", [ROOM])
    until(lambda: Census(session).channels("") == {})


def test_one_that_cannot_be_written_down_keeps_no_other(new_node: NewNode, session: Dedicated) -> None:
    node = new_node()
    held = threading.Event()
    node.presence.join(Joining("0.1", "news"), lambda _: held.wait(20))  # so that the others come together
    waits = [node.join("1.1", "ann"), node.join("1.2", "bob", "poison"), node.join("1.3", "cid")]
    held.set()
    outcomes = [wait() for wait in waits]
    assert [bool(outcome and outcome.joined) for outcome in outcomes] == [True, False, True]
    assert Census(session).users(ROOM) == ["ann", "cid"]


def test_what_was_to_be_done_while_the_database_was_away_is_done_when_it_is_back(
    new_node: NewNode, session: Dedicated, sql: Sql
) -> None:
    node = new_node()
    node.join("1.1", "ann")()
    sql("select pg_terminate_backend(pid) from pg_stat_activity where pid = any (%s)", [
        connection.info.backend_pid for connection in node.opened
    ])  # fmt: skip
    outcome = node.join("1.2", "bob")()
    assert outcome is not None
    assert len(node.opened) > 1
    assert sorted(Census(session).users(ROOM)) == ["ann", "bob"]


def test_a_node_that_was_taken_for_dead_learns_of_it_and_begins_anew(new_node: NewNode, sql: Sql) -> None:
    node = new_node()
    node.join("1.1", "ann")()
    sql("delete from queueapi.nodes")
    assert node.join("1.2", "bob")() is None
    assert node.lost == 1
    outcome = node.join("1.3", "cid")()
    assert outcome is not None
    assert outcome.joined == {("1.3", ROOM)}


def test_numbers_that_have_changed_are_told_a_second_later_at_most_once(new_node: NewNode) -> None:
    node = new_node()
    for number in range(50):
        node.presence.join(Joining(f"1.{number}", "news"), lambda _: None)
    until(lambda: node.counts and node.counts[-1] == {"news": 50})
    assert len(node.counts) <= 3


# -- killed


@pytest.mark.system
def test_a_killed_nodes_members_are_gone_within_forty_seconds_and_nobody_elses(
    serve: Callable[..., Service],
) -> None:
    dead, alive = serve(**ENVIRON), serve(**ENVIRON)
    with client(alive.port) as watcher, client(dead.port) as ann, client(dead.port) as bob, client(alive.port) as bob2:
        watcher.subscribed(ROOM, member("watcher"))
        for socket, who in ((ann, "ann"), (bob, "bob"), (bob2, "bob")):
            socket.subscribed(ROOM, member(who))
        assert [watcher.event()[1]["user_id"], watcher.event()[1]["user_id"]] == ["ann", "bob"]
        polls = Polls(dead.port).open()
        polls.subscribed(ROOM, member("cid"))
        assert watcher.event()[1]["user_id"] == "cid"
        killed_at = time.monotonic()
        dead.process.kill()
        dead.process.communicate()
        polls.ports = (alive.port,)
        # A connection between two polls was nobody's, and lives.
        assert polls.event() == ("pusher_internal:member_removed", {"user_id": "ann", "user_info": None})
        assert time.monotonic() - killed_at < 40
        assert watcher.event()[1]["user_id"] == "ann"
        assert Api(alive.port).get(f"channels/{ROOM}/users")[1]["users"] == [
            {"id": "bob"}, {"id": "cid"}, {"id": "watcher"},
        ]  # fmt: skip
        assert watcher.has_heard_all()
