"""Before a claimed job begins: do the limits of its class let it, and is its kind paused?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import msgspec

from queueapi import limits
from queueapi.claims import Claim, Claimed
from queueapi.errors import QueueAPIError, SchemaMismatch, StoreUnavailable, UnknownKind
from queueapi.kinds import Kinds
from queueapi.postgres.admitting import Admitting, Asked, Rule
from queueapi.times import seconds


class Admitted(NamedTuple):
    """A claim's jobs: those that begin, and those that are to be returned, since somebody else has changed their rows
    meanwhile. What is in neither was parked."""

    begin: list[Claimed]
    back: list[Claimed]

    @classmethod
    def all(cls, claimed: list[Claimed]) -> Self:
        """Nothing is asked."""
        return cls(claimed, [])


class Admission:
    """1. lets plain jobs through, at the price of a look; 2. asks for the others, with what their classes say, and
    parks those that may not begin; 3. asks for each by itself if that went wrong, and lets the culprit begin as one
    that cannot be read: its attempt fails, and its neighbours run; 4. brings others back when some have ended.

    Args:
        admitting: on the connection of whoever calls.
        kinds: where classes are looked up.
    """

    def __init__(self, admitting: Admitting, kinds: Kinds) -> None:
        self._admitting = admitting
        self._kinds = kinds

    def admit(self, claimed: list[Claimed]) -> Admitted:
        """Sort the jobs of a claim, which are in the order in which they are to begin."""
        try:
            return self._admit(claimed)
        except (StoreUnavailable, SchemaMismatch):  # none of them is to blame
            raise
        except Exception as error:
            if len(claimed) == 1:
                return Admitted([_spoiled(claimed[0], error)], [])
            each = [self.admit([job]) for job in claimed]
            return Admitted([job for one in each for job in one.begin], [job for one in each for job in one.back])

    def _admit(self, claimed: list[Claimed]) -> Admitted:
        special = [(job, job.more()) for job in claimed if job.special is not None]
        asked: list[Asked] = []
        rules: dict[str, Rule] = {}
        for job, more in special:
            if more.expired or more.cancelled or more.dead:
                continue  # it does not run, so it takes no place
            mine = self._rules(job, more)
            if mine or more.paused:
                reason = f"kind:{job.kind}" if more.paused else None
                asked.append(Asked(job.id, job.token, job.queue, tuple(rule.key for rule in mine), reason))
                rules.update((rule.key, rule) for rule in mine)
        if not asked:
            return Admitted.all(claimed)
        answer = self._admitting.admit(asked, rules.values())
        stopped = {one.id for one in asked} - answer.begin
        return Admitted(
            [job for job in claimed if job.id not in stopped],
            [job for job in claimed if job.id in stopped - answer.parked],
        )

    def ended(self, jobs: Iterable[Claimed]) -> None:
        """These have ended, and it is written down: bring back as many others."""
        places = [(key, job.id, job.token) for job in jobs if job.special is not None for key in job.more().limit_keys]
        if places:
            try:
                self._admitting.bring_back([key for key, _, _ in places], places)
            except QueueAPIError:
                pass  # who looks after the tables brings them back, within a second of the server's return

    def _rules(self, job: Claimed, more: Claim) -> Sequence[Rule]:
        """Of its keys those that its class still knows: a limit may have gone with a deploy."""
        if not more.limit_keys:
            return ()
        try:
            kind = self._kinds.named(job.kind)
        except UnknownKind:
            return ()  # the executor leaves it to a worker that knows it
        known = [(limits.base(kind.name, limit), limit) for limit in kind.limits]
        found = []
        for key in more.limit_keys:
            for name, limit in known:
                if key == name if limit.by is None else key.startswith(f"{name}:"):
                    found.append(_rule(key, name, limit))
                    break
        return found


def _spoiled(job: Claimed, error: Exception) -> Claimed:
    reason = f"its limits cannot be looked at: {type(error).__name__}: {error}"
    more = msgspec.structs.replace(job.more(), limit_keys=(), unreadable=reason)
    return job._replace(special=msgspec.json.encode(more).decode())


def _rule(key: str, name: str, limit: limits.Limit) -> Rule:
    if isinstance(limit, limits.Concurrency):
        return Rule(key, name, limit.slots, None, None, False)
    return Rule(key, name, None, limit.starts, seconds("per", limit.per), limit.bucket)
