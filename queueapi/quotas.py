"""How much room a limit has left: arithmetic, and nothing else.

>>> quota = Quota("at-once:Import", slots=2, held=1)
>>> quota.admits(7), quota.begin(7), quota.admits(8)
(True, None, False)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

# So many are brought back in one statement at most.
MOST = 1000
_EVER = math.inf


@dataclass(slots=True)
class Quota:
    """One key's limit, as it stands while its row is locked.

    A *promise* is a place that was kept for a job when it was brought back, until a worker lets it begin.

    Attributes:
        slots, starts, period, bucket: what is allowed; of the first two None is no limit.
        used: starts, as of ``age`` seconds ago, when the window began or the bucket was last looked at.
        held: jobs that have a place, promises included.
        promised: how many of these are promises.
        mine: those promises that are to jobs of the caller.
        waits: some are blocked by it.
        known: what it allows was ever said.
    """

    key: str
    slots: int | None = None
    starts: int | None = None
    period: float | None = None
    bucket: bool = False
    used: float = 0.0
    age: float = 0.0
    held: int = 0
    promised: int = 0
    mine: set[int] = field(default_factory=set)
    waits: bool = False
    known: bool = True
    renewed: bool = field(default=False, init=False)  # ``used`` counts from now on, not from ``age`` ago
    begun: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.starts is None or self.period is None:
            return
        if self.age < 0:  # the clock of the database was put back
            # By little, and it may count a while longer; by more, and nobody would begin before that time comes again.
            self.age = 0.0 if self.age > -self.period else self.period
        if self.bucket:
            self.used = max(0.0, self.used - self.age * self.starts / self.period)
            self.renewed = True
        elif self.age >= self.period:
            self.used, self.renewed = 0.0, True

    @property
    def _spare_slots(self) -> float:
        return _EVER if self.slots is None else self.slots - self.held

    @property
    def _spare_starts(self) -> float:
        # A billionth: a token that refilled in full may be short of that.
        return _EVER if self.starts is None else math.floor(self.starts - self.used + 1e-9)

    def admits(self, job: int) -> bool:
        """Whether the job may begin."""
        if job in self.mine:  # its slot is counted already
            return self._spare_slots >= 0 and self._spare_starts >= 1
        return self._spare_slots >= 1 and self._spare_starts - self.promised >= 1

    def begin(self, job: int) -> None:
        """The job begins."""
        self.give_up(job)
        self.held += 1
        self.used += self.starts is not None
        self.begun += 1

    def give_up(self, job: int) -> bool:
        """The job needs no promise any more; whether it had one."""
        if job not in self.mine:
            return False
        self.mine.discard(job)
        self.promised -= 1
        self.held -= 1
        return True

    def room(self) -> int:
        """How many more may be brought back."""
        if not self.known:  # one shows a worker the way, which knows its class and with it the limit
            return max(0, 1 - self.promised)
        return int(max(0, min(self._spare_slots, self._spare_starts - self.promised, MOST)))

    def due(self) -> float:
        """In how many seconds another may begin; infinite if that is for others to say, who end."""
        if self.starts is None or self.period is None or self._spare_slots < 1 or self._spare_starts >= 1:
            return _EVER
        if self.bucket:
            return (self.used - self.starts + 1) * self.period / self.starts
        return max(0.0, self.period - (0.0 if self.renewed else self.age))
