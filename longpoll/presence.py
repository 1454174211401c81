"""Who is connected here, told to the database: what thousands of connections do, in one transaction at a time.

After a restart all browsers come back at once. A transaction for each that subscribes would keep the last of ten
thousand waiting for a minute; together they are done in seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar
from uuid import UUID, uuid4

from longpoll.errors import Unavailable
from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.presence import Announce, Swept
from queueapi.postgres.presence import Presence as Verbs
from queueapi.postgres.sessions import Borrowed, Dedicated, Open
from queueapi.presence import Ending, Joining, Leaving, Outcome, Releasing, Roll

# Seconds that a node counts as alive without saying so again; how often it says so, and looks for dead ones. Whatever
# a killed node held is gone 25 + 5 s later at worst, and one that is held up has 17 s before anybody takes it for dead.
LIFE: Final = 25.0
RENEW_EVERY: Final = 8.0
SWEEP_EVERY: Final = 5.0
# Seconds after an outage, or our own start, in which the others have their chance to say that they live.
QUIET: Final = LIFE / 2
# Seconds between two looks at how many are where.
COUNT_EVERY: Final = 1.0
# Seconds that a fallback connection may take between two requests: an answer to a phone, and its way back.
BETWEEN: Final = 30.0
# Of one channel. Whoever comes is sent all of them, with 2 KB each at most.
MEMBERS: Final = 1_000
# Of one transaction: a few hundredths of a second, in which others may wait for the same channel.
BATCH: Final = 500
# That may wait, while the database is away: some ten megabytes.
MOST: Final = 50_000

What = Joining | Leaving | Releasing | Ending
T = TypeVar("T")


class Doing(NamedTuple):
    """Something that is to be carried out for a connection.

    Attributes:
        done: given what came of the whole; None: nothing, and this node has lost all that it held.
    """

    connection: str
    what: What
    done: Callable[[Outcome | None], object]


class Presence:
    """1. starts with the feed, and stops with it; 2. takes in what connections do; 3. carries it out, in their order;
    4. says that it lives, and sweeps those that do not.

    Args:
        open_: opens a connection. This has one.
        announce: called in the transaction with what has changed.
        count: called in a transaction with numbers of connections that have changed; None: nobody wants to know.
        lost: called when this node was taken for dead: every connection has to begin anew.
        leave: called to stop, before the last is carried out: every connection has to go.
    """

    channel: None = None  # see longpoll.guests.Guest
    node: UUID

    def __init__(
        self,
        open_: Open,
        events: Events,
        announce: Announce,
        count: Callable[[Borrowed, Mapping[str, int]], None] | None,
        lost: Callable[[], object],
        leave: Callable[[], object],
    ) -> None:
        self._open = open_
        self._events = events
        self._announce = announce
        self._count = count
        self._lost = lost
        self._leave = leave
        self._lock = threading.Lock()

    # -- 1. starting and stopping

    def start(self) -> None:
        """See :class:`longpoll.guests.Guest`."""
        self.node = uuid4()
        self._session = Dedicated(self._open)
        self._verbs = Verbs(self._session, self.node, self._announce)
        self._waiting: deque[Doing] = deque()
        self._generation = 0
        self._is_known = False
        self._quiet_until = 0.0
        self._due = dict.fromkeys((self._renew, self._sweep, self._tell_counts), 0.0)
        self._loop = Loop("longpoll presence", self._tick, self._events)
        self._loop.start()

    def stop(self) -> None:
        """See :class:`longpoll.guests.Guest`. What cannot be written is swept by the others."""
        self._leave()
        if self._loop.stop(timeout=5):
            try:
                while self._waiting:
                    self._tick()
                self._verbs.leave()
            except StoreUnavailable:
                pass
        self._session.close()

    def heard(self, payload: str) -> None:
        """See :class:`longpoll.guests.Guest`."""

    def look_again(self) -> None:
        """See :class:`longpoll.guests.Guest`."""

    # -- 2. taking in

    def join(self, joining: Joining, done: Callable[[Outcome | None], object]) -> None:
        """A connection subscribes. ``done`` must not block.

        Raises:
            Unavailable: too much waits already.
        """
        if len(self._waiting) >= MOST:
            raise Unavailable("PostgreSQL is away, or cannot keep up: subscribe again in a moment")
        self._take_in([Doing(joining.connection, joining, done)])

    def leave(self, connection: str, channels: Sequence[str]) -> None:
        """A connection leaves channels."""
        self._take_in([Doing(connection, Leaving(connection, channel), _nothing) for channel in channels])

    def release(self, connection: str, releasing: Releasing, done: Callable[[Outcome | None], object]) -> None:
        """A fallback connection has its answer. ``done`` must not block."""
        self._take_in([Doing(connection, releasing, done)])

    def end(self, connection: str, ending: Ending) -> None:
        """A fallback connection is over."""
        self._take_in([Doing(connection, ending, _nothing)])

    def _take_in(self, some: Sequence[Doing]) -> None:
        with self._lock:
            self._waiting.extend(some)
        self._loop.wake()

    # -- 3. carrying out

    def _tick(self) -> float:
        self._session.connection()
        if self._session.generation != self._generation:
            self._generation = self._session.generation
            self._quiet_until = time.monotonic() + QUIET
            self._due[self._renew] = 0.0
        for task, at in self._due.items():
            if time.monotonic() >= at:
                self._due[task] = time.monotonic() + task()
        if batch := self._batch():
            self._carry_out(batch)
        return 0.0 if self._waiting else max(0.01, min(self._due.values()) - time.monotonic())

    def _batch(self) -> list[Doing]:
        """The next, as far as their order does not matter: of one connection, different channels that it joins, or
        leaves."""
        batch: list[Doing] = []
        kinds: dict[str, type[What]] = {}
        places: set[tuple[str, str]] = set()
        with self._lock:
            while self._waiting and len(batch) < BATCH:
                connection, what, _ = self._waiting[0]
                place = (connection, what.channel if isinstance(what, Joining | Leaving) else "")
                if kinds.setdefault(connection, type(what)) is not type(what) or place in places:
                    break
                places.add(place)
                batch.append(self._waiting.popleft())
        return batch

    def _carry_out(self, batch: Sequence[Doing]) -> None:
        try:
            outcome: Outcome | None = self._carry_out_all(batch)
        except StoreUnavailable:  # all of it can be done again, whether or not it was done
            with self._lock:
                self._waiting.extendleft(reversed(batch))
            raise
        except Swept:
            self._verbs.renew(LIFE)
            outcome = None
        except Exception:
            if len(batch) > 1:  # each by itself: one must not keep the others
                for one in batch:
                    self._carry_out([one])
                return
            logging.getLogger("longpoll").exception("what a connection did could not be written down")
            outcome = _REFUSED
        for one in batch:
            _tell(one.done, outcome)
        if outcome is None:
            self._lost()

    def _carry_out_all(self, batch: Sequence[Doing]) -> Outcome:
        whats = [one.what for one in batch]
        return self._verbs.carry_out(
            _of(Joining, whats), _of(Leaving, whats), _of(Releasing, whats), _of(Ending, whats), BETWEEN, MEMBERS
        )

    # -- 4. living

    def _renew(self) -> float:
        is_new = self._verbs.renew(LIFE)
        if is_new and self._is_known:
            self._lost()
        self._is_known = True
        return RENEW_EVERY

    def _sweep(self) -> float:
        if time.monotonic() >= self._quiet_until:
            self._verbs.sweep()
        return SWEEP_EVERY

    def _tell_counts(self) -> float:
        if self._count is None:
            return RENEW_EVERY
        self._verbs.announce_counts(self._count)
        return COUNT_EVERY


_REFUSED: Final = Outcome(set(), set(), set(), Roll(0, {}))


def _of(kind: type[T], whats: Sequence[What]) -> list[T]:
    return [what for what in whats if isinstance(what, kind)]


def _nothing(outcome: Outcome | None) -> None:
    pass


def _tell(done: Callable[[Outcome | None], object], outcome: Outcome | None) -> None:
    try:
        done(outcome)
    except Exception:  # one that cannot be told must not cost the others theirs
        logging.getLogger("longpoll").exception("a connection could not be told what came of it")
