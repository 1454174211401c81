"""Limits and pauses by their verbs: which claimed jobs may begin, what is parked, and what is brought back.

Whoever decides holds the locks of all the keys that are concerned, taken in their order, and counts on a snapshot that
is younger than the locks: so two workers never count the same free place, and never wait for each other.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
from psycopg import IsolationLevel

from queueapi.postgres.connection import translated
from queueapi.postgres.sessions import Dedicated
from queueapi.quotas import Quota

# So many parked jobs of one claim, or as many as it asked for, are a sign that more of them stand behind.
FLOOD = 10
# Keys that one transaction locks at most, when all that block anything are looked through.
_KEYS = 100
# So many are looked through at a time, which takes a tenth of a second: others have duties on this connection, too.
_LOOK = 1000
# What comes before all of them: "kind:…" and "limit:…".
_FIRST = "kind"
# How often these are looked through, in seconds: at least, and at most.
_LEAST, _MOST = 0.02, 1.0


class Asked(NamedTuple):
    """A claimed job that wants to begin. ``reason`` is why it may not, whatever its keys say."""

    id: int
    token: int
    queue: str
    keys: tuple[str, ...]
    reason: str | None = None


class Rule(NamedTuple):
    """What a job's class says of one key. ``name`` is the key of all that share the limit's name."""

    key: str
    name: str
    slots: int | None
    starts: int | None
    period: float | None
    bucket: bool


class Answer(NamedTuple):
    """The ids of those that may begin, and of those that were parked. What is in neither was changed by another."""

    begin: set[int]
    parked: set[int]


class Admitting:
    """1. lets claimed jobs begin, or parks them; 2. brings back as many as there is room for; 3. looks through all
    keys that block anything, and 4. for what nothing will ever let begin.

    Args:
        session: a connection of an actor's own: a decision takes several statements in one transaction.
    """

    def __init__(self, session: Dedicated) -> None:
        self._session = session
        self._run = session.run
        self._looked = _FIRST
        self._followed = ""  # looked through by stranded(), up to here

    def admit(self, asked: Sequence[Asked], rules: Iterable[Rule]) -> Answer:
        """Let each begin that all its keys let begin, in the order given; park the others."""
        by_key = {rule.key: rule for rule in rules}
        with self._transaction():
            self._lock(list(by_key.values()))
            quotas, now = self._count(by_key, [one.id for one in asked])
            begin, refused, back = _decided(asked, quotas)
            self._note(begin, back, quotas, now)
            parked = self._park(refused, len(asked))
            queues = self._unblock(quotas)
        self._wake(queues)
        return Answer({one.id for one in begin}, parked)

    def bring_back(self, keys: Iterable[str], ended: Iterable[tuple[str, int, int]] = ()) -> None:
        """Bring back as many jobs of these keys as there is room for.

        Args:
            ended: (key, id, token) of attempts that have given their places back.
        """
        params = {"keys": sorted(set(keys))}
        places = _columns(("keys", "ids", "tokens"), ended)
        with self._transaction():
            self._run("lock_keys", params)
            if places["ids"]:
                self._run("free_places", places)
            quotas, _ = self._count(params["keys"], [])
            queues = self._unblock(quotas)
        self._wake(queues)

    def look(self) -> float:
        """Bring back what nobody else did, of the next thousand keys; seconds until the next look is due."""
        began = time.monotonic()
        reasons = self._run("find_blocked", {"after": self._looked, "most": _LOOK})
        more = len(reasons) == _LOOK
        self._looked = reasons[-1][0] if more else _FIRST
        for reason, over in reasons:
            if over:
                self._wake(self.unblock_kind(reason.removeprefix("kind:")))
        keys = [reason.removeprefix("limit:") for reason, _ in reasons if reason.startswith("limit:")]
        wait = 0.0 if more else _MOST
        for start in range(0, len(keys), _KEYS):
            some = keys[start : start + _KEYS]
            quotas, _ = self._count(some, [])
            if free := [key for key, quota in quotas.items() if quota.room()]:
                self.bring_back(free)
            wait = min([wait, *(quota.due() for quota in quotas.values())])
        # However many keys there are, it is not all that this connection does.
        return max(_LEAST, 4 * (time.monotonic() - began), wait)

    def unblock_kind(self, kind: str) -> set[str]:
        """Bring back what a pause of the kind had blocked; in which queues."""
        queues: set[str] = set()
        while True:
            with self._transaction():
                rows = self._run("unblock_kind", {"kind": kind})
            if not rows:
                return queues
            queues.update(queue for (queue,) in rows)

    def prune(self) -> None:
        """Forget places and keys that count for nothing any more."""
        self._run("prune_limits", {})

    def stranded(self) -> list[tuple[int, str]]:
        """(id, what blocks it) of a few jobs that nobody will ever let begin, of the next thousand behind others."""
        params = {"after": self._followed, "most": _LOOK, "shown": 5}
        ((found, looked, last),) = self._run("find_stranded", params)
        self._followed = last if looked == _LOOK else ""
        return [(id_, reason) for id_, reason in msgspec.json.decode(found or "[]")]

    # -- the steps of a decision

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        connection = self._session.connection()
        if connection.isolation_level is None:
            # Whatever the server's default: a statement after the locks must see what their last holders did.
            connection.isolation_level = IsolationLevel.READ_COMMITTED
        with translated("admit_jobs"), connection.transaction():
            self._run("begin_deciding", {})
            yield

    def _lock(self, rules: Sequence[Rule]) -> None:
        if rules:
            names = ("keys", "names", "slots", "starts", "periods", "buckets")
            self._run("lock_limits", _columns(names, rules))

    def _count(self, keys: Iterable[str], ids: Sequence[int]) -> tuple[dict[str, Quota], dt.datetime | None]:
        quotas, now = {}, None
        if wanted := list(keys):
            for row in self._run("count_limits", {"keys": wanted, "ids": ids}):
                key, slots, starts, period, bucket, used, age, now, held, promised, mine, waits = row
                known = slots is not None or starts is not None
                quotas[key] = Quota(
                    key, slots, starts, period, bucket, used, age, held, promised, set(mine or ()), bool(waits), known
                )
        return quotas, now

    def _note(
        self,
        begin: Sequence[Asked],
        back: Sequence[tuple[str, int]],
        quotas: dict[str, Quota],
        now: dt.datetime | None,
    ) -> None:
        taken = [(key, one.id, one.token) for one in begin for key in one.keys if quotas[key].slots is not None]
        used = [
            (quota.key, quota.used, now if quota.renewed else None)
            for quota in quotas.values()
            if quota.starts is not None and quota.begun
        ]
        if taken or back or used:
            params = _columns(("keys", "ids", "tokens"), taken) | _columns(("back_keys", "back_ids"), back)
            self._run("use_limits", params | _columns(("used_keys", "used", "since"), used))

    def _park(self, refused: Sequence[tuple[Asked, str]], asked: int) -> set[int]:
        if not refused:
            return set()
        rows = [(one.id, one.token, reason) for one, reason in refused]
        parked = {id_ for (id_,) in self._run("block_jobs", _columns(("ids", "tokens", "reasons"), rows))}
        if len(parked) >= FLOOD or (parked and len(parked) == asked):
            queues = sorted({one.queue for one, _ in refused})
            self._run("block_waiting", {"queues": queues, "reasons": sorted({reason for _, reason in refused})})
        return parked

    def _unblock(self, quotas: dict[str, Quota]) -> list[str]:
        rooms = [(quota.key, quota.room()) for quota in quotas.values() if quota.waits and quota.room()]
        if not rooms:
            return []
        return [queue for (queue,) in self._run("unblock_limited", _columns(("keys", "rooms"), rooms))]

    def _wake(self, queues: Iterable[str]) -> None:
        if names := list(queues):
            self._run("wake_sleepers", {"queues": names})


def _decided(
    asked: Sequence[Asked], quotas: dict[str, Quota]
) -> tuple[list[Asked], list[tuple[Asked, str]], list[tuple[str, int]]]:
    """Who begins; who does not, and why; and which (key, id) need no promise any more."""
    begin: list[Asked] = []
    refused: list[tuple[Asked, str]] = []
    back: list[tuple[str, int]] = []
    for one in asked:
        full = next((key for key in one.keys if not quotas[key].admits(one.id)), None)
        reason = one.reason or (full and f"limit:{full}")
        for key in one.keys:
            promised = one.id in quotas[key].mine
            if reason is None:
                quotas[key].begin(one.id)
            else:
                quotas[key].give_up(one.id)
            if promised and (reason is not None or quotas[key].slots is None):
                back.append((key, one.id))
        if reason is None:
            begin.append(one)
        else:
            refused.append((one, reason))
    return begin, refused, back


def _columns(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        for name, value in zip(names, row, strict=True):
            columns[name].append(value)
    return {name: columns[name] for name in names}
