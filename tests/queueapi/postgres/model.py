"""What the store is to do, in plain Python: the same verbs on two dictionaries, without a thought to locks or to speed.

Times are seconds since the model began, by a clock that only :meth:`Model.advance` moves.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from queueapi.records import Blame, NewJob, Outcome, Special
from queueapi.states import MOVES, State

WAITING = (State.SCHEDULED, State.AVAILABLE, State.BLOCKED)
KILLS = 3
Attempt = tuple[int, int]  # (id, token)


@dataclass
class Job:
    """A job, wherever it is."""

    id: int
    new: NewJob
    run_at: float
    state: State | None = None
    attempt: int = 0
    token: int | None = None
    worker: UUID | None = None
    lease_until: float | None = None
    claimed_until: float | None = None  # the lease that the claim wrote; another counts beside it
    renewed: bool = False
    kills: int = 0
    cancelled: bool = False
    dead: bool = False  # it is to be told so
    error: str | None = None
    result: str | None = None
    cursor: str | None = None
    previous: str | None = None  # the result of the job that it followed
    reported: str | None = None  # the cursor of an attempt that runs
    expires_at: float | None = None
    unique_key: str | None = None
    blocked_by: str | None = None
    keep_until: float | None = None  # None: for ever, or alive

    @property
    def special(self) -> Special:
        return self.new.special or Special()

    @property
    def order(self) -> tuple[int, int]:
        return self.new.priority, self.id

    def move(self, state: State) -> None:
        """Go there, if states.py knows that move."""
        assert state in MOVES[self.state], f"{self.state} -> {state}"
        self.state = state
        if state is not State.RUNNING and not state.final:
            self.token = self.worker = self.lease_until = self.claimed_until = self.reported = None
            self.renewed = False

    def wait(self, until: float, now: float) -> None:
        """Wait for a worker, from that time on."""
        self.run_at = until
        self.move(State.SCHEDULED if until > now else State.AVAILABLE)


@dataclass
class Model:
    """The tables."""

    ttl: float
    now: float = 0.0
    live: dict[int, Job] = field(default_factory=dict)
    ended: dict[int, Job] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    paused_kinds: set[str] = field(default_factory=set)
    windows: dict[str, tuple[float, int]] = field(default_factory=dict)

    def advance(self, seconds: float) -> None:
        self.now += seconds

    # -- pushers

    def push(self, ids: Sequence[int], jobs: Sequence[NewJob]) -> None:
        """Jobs that are new; who is kept out by another is not among them."""
        behind = {job.blocked_by for job in self.live.values() if job.state is State.BLOCKED}
        turns: Counter[tuple[str, ...]] = Counter()
        for id_, new in zip(ids, jobs, strict=True):
            job = self.live[id_] = Job(id_, new, run_at=self.now + new.delay)
            keys = () if new.delay else job.special.limit_keys or ()
            turns[keys] += 1
            over = job.special.limit_room is not None and turns[keys] > job.special.limit_room
            # Behind those that a limit has blocked already, and behind as many of this push as may begin at once.
            full = [key for n, key in enumerate(keys) if (over and n == 0) or f"limit:{key}" in behind]
            job.blocked_by = job.special.blocked_by or (f"limit:{full[0]}" if full else None)
            if job.blocked_by:
                job.move(State.BLOCKED)
            else:
                job.wait(job.run_at, self.now)
            if job.special.expires_in is not None:
                job.expires_at = job.run_at + job.special.expires_in
            if job.special.unique:
                job.unique_key = job.special.unique.key

    def same(self, key: str | None) -> Job | None:
        """The one that keeps others with that key out."""
        return next((job for job in self.live.values() if key is not None and job.unique_key == key), None)

    def unique(self, new: NewJob) -> tuple[Job | int | None, bool]:
        """Who keeps it out, a job or the id of one that has ended; and whether it takes that one's place."""
        unique = new.special and new.special.unique
        assert unique
        until, id_ = self.windows.get(unique.key, (0.0, 0))
        other = self.same(unique.key)
        if other is not None:
            return other, other.state in WAITING and unique.on_conflict in ("replace", "postpone")
        return (id_ if unique.window is not None and until > self.now else None), False

    def open_window(self, id_: int, new: NewJob) -> None:
        """A job that was pushed is unique for a time."""
        unique = new.special and new.special.unique
        if unique and unique.window is not None:
            self.windows[unique.key] = (self.now + unique.window, id_)

    def replace(self, job: Job, new: NewJob, *, postponed: bool) -> None:
        """A job that has not begun becomes the later one, but for its id."""
        asked = self.now + new.delay
        due = self.now if job.attempt else job.run_at
        at = max(due, asked) if postponed else asked if new.delay else due
        expires = (new.special or Special()).expires_in
        self.live[job.id] = again = replace(
            job, new=new, attempt=0, kills=0, dead=False, error=None, cursor=None, run_at=at, blocked_by=None
        )
        again.state = State.SCHEDULED if at > self.now else State.AVAILABLE
        if job.blocked_by and job.blocked_by.startswith("job:"):  # it keeps its place in a chain
            again.state, again.blocked_by = job.state, job.blocked_by
        again.expires_at = None if expires is None else at + expires

    def cancel(self, id_: int) -> bool:
        """What waits is taken back; what runs is told."""
        job = self.live.get(id_)
        if job is None:
            return False
        if job.state is State.RUNNING:
            job.cancelled = True
        else:
            self._take_back(job)
            self._take_back_followers([job])
        return True

    def clear(self, queue: str, error: str) -> int:
        gone = [job for job in self.live.values() if job.state in WAITING and job.new.queue == queue]
        for job in gone:
            job.error = error
            self._take_back(job)
        self._take_back_followers(gone)
        return len(gone)

    def waiting(self, queue: str | None) -> int:
        return sum(job.state in WAITING and queue in (None, job.new.queue) for job in self.live.values())

    # -- workers

    def claim(self, queues: Sequence[str], room: int, token: int, worker: UUID, lease: float) -> list[Job]:
        """Queue by queue, the lowest priority number first, the oldest first."""
        found = [
            job
            for queue in queues
            if queue not in self.paused
            for job in sorted(self.live.values(), key=lambda job: job.order)
            if job.state is State.AVAILABLE and job.new.queue == queue
        ][:room]
        for job in found:
            job.move(State.RUNNING)
            job.attempt += 1
            job.token, job.worker = token, worker
            job.lease_until = job.claimed_until = self.now + lease
            if job.unique_key is not None and job.unique_key.startswith("start:"):
                job.unique_key = None
        return found

    def held(self, attempts: Iterable[Attempt]) -> list[Job]:
        """The jobs of those attempts that still have their leases."""
        jobs = [(self.live.get(id_), token) for id_, token in attempts]
        return [job for job, token in jobs if job is not None and job.token == token]

    def finish(self, outcomes: Sequence[Outcome]) -> set[Attempt]:
        written = set()
        for outcome in outcomes:
            for job in self.held([(outcome.id, outcome.token)]):
                job.result, job.error = outcome.result, outcome.error or job.error
                job.cursor = job.reported or job.cursor
                self._end(job, outcome.state)
                written.add((outcome.id, outcome.token))
                if outcome.state is State.DONE:
                    self._follow(job)
                elif outcome.state is State.CANCELLED:
                    self._take_back_followers([job])
        return written

    def reschedule(self, outcomes: Sequence[Outcome]) -> set[Attempt]:
        written = set()
        for outcome in outcomes:
            for job in self.held([(outcome.id, outcome.token)]):
                job.attempt -= not outcome.charged
                job.error, job.cursor = outcome.error or job.error, outcome.cursor or job.cursor
                job.wait(self.now + (0 if job.cancelled else outcome.delay), self.now)
                written.add((outcome.id, outcome.token))
        return written

    def renew(self, attempts: Sequence[Attempt], lease: float) -> set[Attempt]:
        held = self.held(attempts)
        for job in held:
            assert job.lease_until is not None
            job.lease_until, job.renewed = max(job.lease_until, self.now + lease), True
        return {(job.id, job.token) for job in held if job.token is not None}

    def report(self, attempts: Sequence[Attempt], cursor: str | None) -> set[Attempt]:
        held = self.held(attempts)
        for job in held:
            job.reported = cursor
        return {(job.id, job.token) for job in held if job.token is not None}

    def finished(self, attempts: Iterable[Attempt]) -> set[Attempt]:
        return {(id_, token) for id_, token in attempts if id_ in self.ended and self.ended[id_].token == token}

    def return_claims(self, worker: UUID, tokens: Sequence[int]) -> None:
        for job in self._of(worker):
            if job.token in tokens:
                self._give_back(job)

    # -- supervisors

    def promote(self) -> float | None:
        """Seconds until the next is due."""
        scheduled = [job for job in self.live.values() if job.state is State.SCHEDULED]
        for job in scheduled:
            if job.run_at <= self.now:
                job.move(State.AVAILABLE)
        return min((job.run_at - self.now for job in scheduled if job.run_at > self.now), default=None)

    def rescue(self, error: str) -> dict[int, State]:
        lost = [job for job in self.live.values() if job.lease_until is not None and job.lease_until < self.now]
        for job in lost:
            job.cursor = job.reported or job.cursor
            if job.dead and not job.cancelled:
                self._end(job, State.DEAD)
                continue
            used_up = job.attempt >= job.new.max_attempts
            before = job.error and json.loads(job.error).get("type")
            again = not job.renewed and before != json.loads(error)["type"]
            job.attempt -= used_up or job.dead
            job.dead = used_up and not job.cancelled and not again
            job.error = error
            job.wait(self.now, self.now)
        return {job.id: job.state for job in lost if job.state}

    def release(self, worker: UUID, blamed: Sequence[Blame], pinned: float) -> dict[int, tuple[float, float]]:
        """The least and the most delay of those that are to wait: how long is left to chance, and here ``pinned``."""
        blames = {blame.id: blame for blame in blamed}
        delays = {}
        for job in self._of(worker):
            blame = blames.get(job.id)
            job.cursor = job.reported or job.cursor
            if blame is None:
                self._give_back(job, at=self.now)
                continue
            job.kills += blame.how == "killed"
            worst = blame.how == "killed" and job.kills >= KILLS
            if job.dead and not job.cancelled:
                self._end(job, State.DEAD)
                continue
            ended = not job.cancelled and (worst or job.attempt >= job.new.max_attempts)
            least, most = (0.0, 0.0) if job.cancelled or ended else _delay(blame.how, job.attempt)
            if not job.dead:
                job.error = blame.last if worst else blame.error
            job.attempt -= ended or job.dead
            job.dead |= ended
            if most:
                delays[job.id] = (least, most)
            job.wait(self.now + (pinned if most else 0), self.now)
        return delays

    def release_unbegun(self, worker: UUID, begun: Sequence[int]) -> set[int]:
        free = [job for job in self._of(worker) if job.id not in begun]
        for job in free:
            self._give_back(job)
        return {job.id for job in free}

    def prune(self) -> None:
        self.ended = {
            id_: job for id_, job in self.ended.items() if job.keep_until is None or job.keep_until >= self.now
        }

    # -- people

    def dead(self, queue: str | None) -> list[int]:
        return sorted(
            (job.id for job in self.ended.values() if job.state is State.DEAD and queue in (None, job.new.queue)),
            reverse=True,
        )

    def retry(self, ids: Sequence[int]) -> set[int]:
        again = set()
        for id_ in sorted(set(ids) & set(self.dead(None))):
            job = self.ended[id_]
            if self.same(job.unique_key):
                continue  # it stays dead
            del self.ended[id_]
            again.add(id_)
            fresh = Job(job.id, job.new, run_at=self.now, state=job.state, error=job.error, cursor=job.cursor)
            fresh.unique_key, fresh.previous = job.unique_key, job.previous
            fresh.move(State.AVAILABLE)
            self.live[job.id] = fresh
        return again

    def discard(self, ids: Sequence[int]) -> set[int]:
        gone = [self.ended[id_] for id_ in set(ids) if id_ in self.dead(None)]
        for job in gone:
            job.move(State.CANCELLED)
            job.keep_until = self._kept(job)
        self._take_back_followers(gone)
        return {job.id for job in gone}

    # -- what several have in common

    def _of(self, worker: UUID) -> list[Job]:
        return [job for job in self.live.values() if job.state is State.RUNNING and job.worker == worker]

    def _give_back(self, job: Job, at: float | None = None) -> None:
        job.attempt -= 1
        job.move(State.AVAILABLE)
        job.run_at = job.run_at if at is None else at

    def _followers(self, job: Job) -> list[Job]:
        return [other for other in self.live.values() if other.blocked_by == f"job:{job.id}"]

    def _follow(self, job: Job) -> None:
        """Its outcome is done: what followed it may begin, and is told the result."""
        for follower in self._followers(job):
            follower.blocked_by, follower.previous = None, job.result
            follower.wait(follower.run_at, self.now)

    def _take_back_followers(self, jobs: Sequence[Job]) -> None:
        """They were cancelled, and so is all that followed them, and says why."""
        line = [(job, job.error and json.loads(job.error)["message"]) for job in jobs]
        for job, reason in line:
            for follower in self._followers(job):
                why = f"job {job.id}, which it was to follow, was cancelled" + (f": {reason}" if reason else "")
                follower.error = f'{{"type" : "ChainCancelled", "message" : "{why}"}}'
                self._take_back(follower)
                line.append((follower, reason))

    def _take_back(self, job: Job) -> None:
        job.move(State.CANCELLED)
        job.keep_until = self._kept(job)
        self.ended[job.id] = self.live.pop(job.id)

    def _end(self, job: Job, state: State) -> None:
        job.move(state)
        del self.live[job.id]
        if state is State.DONE and job.special.result_ttl == 0:
            return
        job.keep_until = None if state is State.DEAD else self._kept(job)
        self.ended[job.id] = job

    def _kept(self, job: Job) -> float:
        return self.now + (job.special.result_ttl or self.ttl)


def _delay(how: str, attempt: int) -> tuple[float, float]:
    if how == "late":
        return attempt**4 + 15.0, attempt**4 + 15.0 + 10 * attempt
    if how == "lost" and attempt > 3:
        return 0.0, 10.0 * (attempt - 3)
    return 0.0, 0.0


def flags(job: Job, model: Model) -> dict[str, Any]:
    """What a claim says of it beyond a plain job."""
    return {
        "expired": job.expires_at is not None and job.expires_at < model.now,
        "paused": job.new.kind in model.paused_kinds,
        "limit_keys": job.special.limit_keys or (),
        "previous": None if job.previous is None else json.loads(job.previous),
        "cancelled": job.cancelled,
        "dead": job.dead,
        "error": json.loads(job.error) if job.dead and job.error else None,
        "cursor": None if job.cursor is None else json.loads(job.cursor),
    }
