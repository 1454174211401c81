"""What limits and pauses are to do to jobs, in plain Python: who begins, who is parked, who is brought back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from model import Attempt, Job, Model

from queueapi.states import State

# A promise lasts two seconds. Here the clock stands still, and the machine makes them last a unit of its time.
PROMISE = 600.0


@dataclass
class Place:
    """One that a job has under a limit: with the token of its attempt, or promised until then."""

    token: int | None
    until: float


@dataclass
class Limits:
    """The places, and the decisions.

    Args:
        slots: key -> at most so many at once.
    """

    model: Model
    slots: dict[str, int]
    places: dict[tuple[str, int], Place] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)  # keys of which a worker has said what they allow

    def admit(self, asked: Sequence[Job]) -> tuple[set[int], set[int]]:
        """The ids of those that begin, and of those that are parked."""
        self.known |= {key for job in asked for key in self.keys(job)}
        concerned = {key for job in asked for key in self.keys(job)}
        waits = {key for key in concerned if self._blocked(key)}
        begin = {job.id for job in asked if self._begins(job)}
        refused = [job for job in asked if job.id not in begin]
        for job in refused:
            job.attempt -= 1
            job.move(State.BLOCKED)
        if refused and len(refused) == len(asked):
            self._park_more(refused)
        self._unblock({key: self._room(key) for key in waits})
        return begin, {job.id for job in refused}

    def look(self) -> None:
        """Bring back what nobody else did."""
        for job in self._waiting():
            kind = (job.blocked_by or "").removeprefix("kind:")
            if job.blocked_by == f"kind:{kind}" and kind not in self.model.paused_kinds:
                self._free(job)
        self.bring_back(self.slots)

    def bring_back(self, keys: Iterable[str], ended: Sequence[Attempt] = ()) -> None:
        for key in keys:
            for id_, token in ended:
                if (place := self.places.get((key, id_))) and place.token == token:
                    del self.places[key, id_]
        self._unblock({key: self._room(key) for key in keys if self._blocked(key)})

    def running(self, key: str) -> int:
        """How many have begun under that limit, and still run."""
        return sum(place.token is not None for place in self._counting(key))

    @staticmethod
    def keys(job: Job) -> tuple[str, ...]:
        return job.special.limit_keys or ()

    # -- one decision

    def _begins(self, job: Job) -> bool:
        full = next((key for key in self.keys(job) if not self._admits(key, job)), None)
        paused = f"kind:{job.new.kind}" if job.new.kind in self.model.paused_kinds else None
        job.blocked_by = paused or (full and f"limit:{full}")
        for key in self.keys(job):
            if job.blocked_by is None:
                self.places[key, job.id] = Place(job.token, 0.0)
            elif self._promised(key, job):
                del self.places[key, job.id]
        return job.blocked_by is None

    def _admits(self, key: str, job: Job) -> bool:
        return self.slots[key] - len(self._counting(key)) >= (0 if self._promised(key, job) else 1)

    def _park_more(self, refused: Sequence[Job]) -> None:
        """Behind many that were parked there are mostly more."""
        queues = {job.new.queue for job in refused}
        reasons = sorted({job.blocked_by for job in refused if job.blocked_by})
        for job in self.model.live.values():
            mine = {f"kind:{job.new.kind}", *(f"limit:{key}" for key in self.keys(job))}
            if (
                job.state is State.AVAILABLE
                and job.new.queue in queues
                and mine & set(reasons)
                and not any(self._promised(key, job) for key in self.keys(job))
            ):
                job.move(State.BLOCKED)
                job.blocked_by = next(reason for reason in reasons if reason in mine)

    # -- the places

    def _counting(self, key: str) -> list[Place]:
        return [
            place
            for (of, id_), place in self.places.items()
            if of == key and (job := self.model.live.get(id_)) and self._counts(place, job)
        ]

    def _counts(self, place: Place, job: Job) -> bool:
        return place.until > self.model.now if place.token is None else place.token == job.token

    def _promised(self, key: str, job: Job) -> bool:
        place = self.places.get((key, job.id))
        return place is not None and place.token is None and place.until > self.model.now

    def _room(self, key: str) -> int:
        taken = self._counting(key)
        if key not in self.known:  # one shows a worker the way
            return max(0, 1 - sum(place.token is None for place in taken))
        return max(0, self.slots[key] - len(taken))

    def _blocked(self, key: str) -> list[Job]:
        return [job for job in self._waiting() if job.blocked_by == f"limit:{key}"]

    def _waiting(self) -> list[Job]:
        blocked = [job for job in self.model.live.values() if job.state is State.BLOCKED]
        return sorted(blocked, key=lambda job: job.order)

    def _unblock(self, rooms: dict[str, int]) -> None:
        for key, room in rooms.items():
            ready = [job for job in self._blocked(key) if job.new.queue not in self.model.paused]
            for job in ready[:room]:
                self._free(job)
                if job.state is State.AVAILABLE:
                    self.places[key, job.id] = Place(None, self.model.now + PROMISE)

    def _free(self, job: Job) -> None:
        job.blocked_by = None
        job.wait(job.run_at, self.model.now)
