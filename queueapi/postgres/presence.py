"""Who is connected to which channels, over all nodes, by its verbs.

Whoever changes a channel holds the lock of its row, taken in the order of names and before anything is read: so a
member is announced once, by the first of its connections and the last, and a list of members and what the log says of
them afterwards fit together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from psycopg import IsolationLevel

from queueapi.postgres.atomic import atomic
from queueapi.postgres.sessions import Borrowed, Dedicated
from queueapi.presence import Change, Ending, Joining, Leaving, Outcome, Releasing, Roll


class Swept(Exception):
    """This node was taken for dead: nothing that it held is there any more."""


# Called in the transaction with what changed.
Announce = Callable[[Borrowed, Sequence[Change]], None]


class Presence:
    """1. lives, as one of the nodes; 2. carries out what its connections do, many at once; 3. takes away what is dead;
    4. stops; 5. tells
    when numbers have changed.

    Args:
        session: a connection of an actor's own: a change takes several statements in one transaction.
        node: this process.
        announce: writes to the log and to whom it may concern.
    """

    def __init__(self, session: Dedicated, node: UUID, announce: Announce) -> None:
        self._session = session
        self._node = node
        self._announce = announce

    # -- 1. living

    def renew(self, seconds: float) -> bool:
        """Count as alive for so long; whether nobody knew of this node."""
        return bool(self._session.run("renew_node", {"node": self._node, "seconds": seconds})[0][0])

    # -- 2. what connections do

    def carry_out(
        self,
        joining: Sequence[Joining],
        leaving: Sequence[Leaving],
        releasing: Sequence[Releasing],
        ending: Sequence[Ending],
        keep: float,
        most: int,
    ) -> Outcome:
        """All of it or nothing; a second time changes nothing.

        Args:
            keep: seconds until a released connection is over if nobody asks for it.
            most: members that a channel may have.

        Raises:
            Swept: nothing was done.
        """
        with self._transaction() as inside:
            if not inside.run("lock_node", {"node": self._node}):
                raise Swept
            there = _locked(inside, [one.connection for one in joining if one.fallback])
            joining = [one for one in joining if not one.fallback or one.connection in there]
            leaving = [*leaving, *_ended(inside, ending)]
            admitted = self._change(inside, joining, leaving, most)
            roll = _roll(inside, {one.channel for one in admitted if one.user_id is not None})
            released = _released(inside, releasing, keep)
        full = {(one.connection, one.channel) for one in joining if one not in admitted}
        return Outcome({(one.connection, one.channel) for one in admitted}, full, released, roll)

    def _change(
        self, inside: Borrowed, joining: Sequence[Joining], leaving: Sequence[Leaving], most: int
    ) -> set[Joining]:
        """Who was let in."""
        names = sorted({one.channel for one in joining} | {one.channel for one in leaving})
        if not names:
            return set()
        users: dict[str, int] = dict(inside.run("lock_channels", {"names": names}))
        admitted = _admitted(inside, joining, users, most)
        # Who comes, comes first: a page that is loaded anew does not leave.
        changes = [*self._joined(inside, admitted), *_left(inside, leaving)]
        if changes:
            self._announce(inside, changes)
        if leaving or len(admitted) < len(joining):
            inside.run("forget_channels", {"names": names})
        return set(admitted)

    def _joined(self, inside: Borrowed, joining: Sequence[Joining]) -> list[Change]:
        if not joining:
            return []
        params = {
            "connections": [one.connection for one in joining],
            "channels": [one.channel for one in joining],
            "nodes": [None if one.fallback else self._node for one in joining],
            "users": [one.user_id for one in joining],
            "infos": [one.info for one in joining],
        }
        return [Change._make(row) for row in inside.run("join_channels", params)]

    # -- 3. the dead

    def sweep(self) -> None:
        """Take away what dead nodes held, and connections that are over."""
        self._end_all("sweep_presence", {})

    # -- 4. stopping

    def leave(self) -> None:
        """This node is no more, and nothing that it held."""
        self._end_all("forget_node", {"node": self._node})

    def _end_all(self, verb: str, params: Mapping[str, Any]) -> None:
        with self._transaction() as inside:
            rows = inside.run(verb, params)
            nodes = [node for node, _ in rows if node is not None]
            connections = [connection for _, connection in rows if connection is not None]
            self._change(inside, [], _held(inside, nodes, connections), 0)

    # -- 5. numbers

    def announce_counts(self, tell: Callable[[Borrowed, Mapping[str, int]], None]) -> None:
        """Tell of the channels whose number of connections has changed since it was last told, in that transaction."""
        with self._transaction() as inside:
            counts: dict[str, int] = dict(inside.run("announce_counts", {}))
            if counts:
                tell(inside, counts)

    @contextmanager
    def _transaction(self) -> Iterator[Borrowed]:
        connection = self._session.connection()
        if connection.isolation_level is None:
            # Whatever the server's default: a statement after the locks must see what their last holders did.
            connection.isolation_level = IsolationLevel.READ_COMMITTED
        with atomic(self._session) as inside:
            yield inside


def _locked(inside: Borrowed, connections: Sequence[str]) -> set[str]:
    if not connections:
        return set()
    return {row[0] for row in inside.run("lock_fallbacks", {"connections": connections})}


def _admitted(inside: Borrowed, joining: Sequence[Joining], users: dict[str, int], most: int) -> Sequence[Joining]:
    """Those whom a channel has room for: it has room for its members, however many connections each has."""
    coming = {(one.channel, one.user_id) for one in joining if one.user_id is not None}
    if all(users[channel] + len(coming) <= most for channel, _ in coming):
        return joining
    params = {"channels": [channel for channel, _ in coming], "users": [user_id for _, user_id in coming]}
    there = {(channel, user_id) for channel, user_id in inside.run("find_members", params)}
    admitted = []
    for one in joining:
        person = (one.channel, one.user_id)
        if one.user_id is not None and person not in there:
            if users[one.channel] >= most:
                continue
            users[one.channel] += 1
            there.add(person)
        admitted.append(one)
    return admitted


def _ended(inside: Borrowed, ending: Sequence[Ending]) -> list[Leaving]:
    if not ending:
        return []
    rows = inside.run("end_fallbacks", {"ids": [one.id for one in ending], "leases": [one.lease for one in ending]})
    return _held(inside, [], [row[0] for row in rows])


def _held(inside: Borrowed, nodes: Sequence[UUID], connections: Sequence[str]) -> list[Leaving]:
    if not nodes and not connections:
        return []
    rows = inside.run("list_held", {"nodes": list(nodes), "connections": list(connections)})
    return [Leaving._make(row) for row in rows]


def _left(inside: Borrowed, leaving: Sequence[Leaving]) -> list[Change]:
    if not leaving:
        return []
    params = {"connections": [one.connection for one in leaving], "channels": [one.channel for one in leaving]}
    return [Change._make(row) for row in inside.run("leave_channels", params)]


def _released(inside: Borrowed, releasing: Sequence[Releasing], keep: float) -> set[str]:
    if not releasing:
        return set()
    params = {
        "ids": [one.id for one in releasing],
        "leases": [one.lease for one in releasing],
        "states": [one.state for one in releasing],
        "cursors": [one.cursor for one in releasing],
        "seconds": keep,
    }
    return {row[0] for row in inside.run("release_fallbacks", params)}


def _roll(inside: Borrowed, channels: Iterable[str]) -> Roll:
    names = sorted(channels)
    if not names:
        return Roll(0, {})
    rows = inside.run("list_members", {"names": names})
    members: dict[str, list[tuple[str, str | None]]] = {}
    for _, channel, user_id, info in rows:
        if channel is not None:
            members.setdefault(channel, []).append((user_id, info))
    return Roll(rows[0][0], members)
