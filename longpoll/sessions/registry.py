"""The sessions that this node serves, and how it comes by them."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from longpoll.listener import Feed
from longpoll.names import Channels
from longpoll.sessions.ledger import Ledger
from longpoll.sessions.session import Session
from longpoll.sessions.subscriptions import Subscription
from longpoll.sessions.together import Together
from longpoll.waiter import News, Waiter
from queueapi.messages import NewMessage
from queueapi.postgres.clients import CHANNEL, ClientRow, Clients
from queueapi.postgres.sessions import Dedicated
from queueapi.runtime import Runtime

# Seconds that a client may be away before its session ends.
TTL: Final = 120.0
# What a request may be held at most; the table knows of a client only when it is answered.
LONGEST: Final = 60.0
# Two requests of one client that come to a new node at once take its session over once.
_LOCKS: Final = 64


class Change(NamedTuple):
    """What a session is to listen to, with what is new to it apart."""

    session: Session
    wanted: dict[str, Subscription]
    new: Mapping[str, int | str]


class Sessions:
    """1. starts with the feed; 2. opens sessions; 3. finds them, here or in the table; 4. changes what they listen to,
    in the table first; 5. hears that another node has taken one; 6. ends those that are over; 7. stops.

    Args:
        feed: whose hub it waits on, and whose life it shares.
        runtime: its pool is used by requests; what is written about many at once goes over a connection of its own.
        ttl: seconds that a client may be away.
    """

    channel = CHANNEL
    _session: Dedicated
    _ledger: Ledger

    def __init__(self, feed: Feed, runtime: Runtime, ttl: float = TTL) -> None:
        self._feed = feed
        self._runtime = runtime
        self._ttl = ttl
        self._life = ttl + LONGEST
        self._here: dict[str, Session] = {}

    # -- 1. start

    def start(self) -> None:
        """See :class:`longpoll.guests.Guest`."""
        if hasattr(self, "_session"):  # the parent's, which forked us
            _inherited.append((self._session, self._ledger))
        self._hub = self._feed.hub
        self._node = uuid4()
        self._here = {}
        self._taking = [threading.Lock() for _ in range(_LOCKS)]
        self._clients = Clients(self._runtime.pool, self._node)
        self._opening = Together[ClientRow, None](self._open)
        self._finding = Together[str, ClientRow | None](self._take)
        self._changing = Together[Change, bool](self._change)
        self._session = Dedicated(self._runtime.open)
        self._keeper = Clients(self._session, self._node)
        self._ledger = Ledger(self._save, self._lost, self._sweep, self._feed.events)
        self._ledger.start()

    def _save(self, rows: Sequence[ClientRow]) -> set[tuple[str, int]]:
        return self._keeper.save(rows, self._life)

    @property
    def node(self) -> UUID:
        """Which node this is."""
        return self._node

    # -- 2. opening

    def open(self, acks: bool) -> Session:
        """A new one, which hears from now on.

        Raises:
            StoreUnavailable: the database is away.
        """
        found: list[News] = []
        self._hub.wait(Waiter(Channels((), ()), found.append), None, 0.0)
        row = ClientRow(secrets.token_hex(20), 1, False, acks, "{}", found[0].cursor)
        self._opening.ask(row)
        session = self._here[row.id] = Session(row, self._hub, self._ledger)
        return session

    def _open(self, rows: Sequence[ClientRow]) -> list[None]:
        self._clients.open(rows, self._life)
        return [None] * len(rows)

    # -- 3. finding

    def here(self, id_: str) -> Session | None:
        """If this node serves it."""
        return self._here.get(id_)

    def find(self, id_: str) -> Session | None:
        """It, taken over if need be; None if there is none (any more).

        Raises:
            StoreUnavailable: the database must be asked, and is away.
        """
        if (session := self._here.get(id_)) is not None:
            return session
        with self._taking[hash(id_) % _LOCKS]:
            if (session := self._here.get(id_)) is not None:
                return session
            row = self._finding.ask(id_)
            if row is None:
                return None
            session = self._here[id_] = Session(row, self._hub, self._ledger)
            return session

    def _take(self, ids: Sequence[str]) -> list[ClientRow | None]:
        taken = self._clients.take(ids, self._life)
        return [taken.get(id_) for id_ in ids]

    def touch(self, id_: str) -> bool:
        """Its client is there, whichever node serves it; whether there is one.

        Raises:
            StoreUnavailable: the database is away.
        """
        return self._clients.touch(id_, self._life)

    # -- 4. changing

    def change(
        self, id_: str, add: Mapping[str, int | str], remove: Sequence[str], check: Callable[[int], object]
    ) -> Session | None:
        """Listen to more, or less; None if there is no such session (any more).

        Args:
            add: things by the channel as it was asked for; see :class:`longpoll.sessions.subscriptions.Subscription`.
            check: given how many it would then listen to; what it raises is raised.

        Raises:
            StoreUnavailable: the database is away.
        """
        while (session := self.find(id_)) is not None:
            with session.editing:
                wanted = {asked: one for asked, one in session.subscriptions.items() if asked not in remove}
                new = {asked: thing for asked, thing in add.items() if asked not in wanted}
                if new:
                    check(len(wanted) + len(new))
                elif wanted == session.subscriptions:
                    return session
                if self._changing.ask(Change(session, wanted, new)):
                    return session
            self._lost(session)  # to another node, just now: take it over, and look what it listens to there
        return None

    def _change(self, changes: Sequence[Change]) -> list[bool]:
        snapshot = self._clients.snapshot()
        rows = []
        for session, wanted, new in changes:
            since = session.beginning(snapshot)
            wanted.update((asked, Subscription(thing, since)) for asked, thing in new.items())
            rows.append(session.row(wanted))
        ours = self._clients.save(rows, self._life)
        for session, wanted, _ in changes:
            if session.key in ours:
                session.change(wanted)
        return [session.key in ours for session, *_ in changes]

    def publish(self, id_: str, messages: Sequence[tuple[NewMessage, str | None]]) -> None:
        """Append what that client publishes, each with its number for it: under the same, once.

        Args:
            id_: empty if nobody knows who it is.

        Raises:
            StoreUnavailable: the database is away, and they may be there or not.
        """
        self._clients.publish(id_, messages)

    # -- 5. losing

    def heard(self, payload: str) -> None:
        """See :class:`longpoll.guests.Guest`."""
        node, id_, turn = payload.split(" ")
        session = self._here.get(id_) if node == str(self._node) else None
        if session is not None and session.turn < int(turn):  # else it is of long ago: it has come back since
            self._lost(session)

    def look_again(self) -> None:
        """See :class:`longpoll.guests.Guest`. What is ours no more is found out by writing it down."""
        for session in list(self._here.values()):
            self._ledger.note(session)

    def _lost(self, session: Session) -> None:
        if self._here.get(session.id) is session:
            del self._here[session.id]
        session.end()

    # -- 6. the end of sessions

    def close(self, id_: str) -> bool:
        """For good, whichever node serves it; whether there was one.

        Raises:
            StoreUnavailable: the database is away.
        """
        closed = self._clients.close(id_)
        if (session := self._here.pop(id_, None)) is not None:
            session.end()
        return closed

    def _sweep(self) -> None:
        for session in list(self._here.values()):
            if session.is_idle(self._ttl):
                self._lost(session)  # its row ends by itself
        self._keeper.prune()

    # -- 7.

    def stop(self) -> None:
        """See :class:`longpoll.guests.Guest`."""
        self._ledger.stop()
        self._session.close()


# Of the process that forked us: collecting it would say goodbye on its sockets.
_inherited: list[object] = []
