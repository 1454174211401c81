"""How a worker waits for jobs: busy, it looks again by itself; idle, it asks to be woken and sleeps.

A pusher notifies only where it finds a sleeper, so the order matters: say so, look once more, then sleep. A push
whose INSERT ran before we said so and whose commit came after our look is found by a short ladder of polls, and
one that took its time by the safety poll.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from queueapi.errors import StoreUnavailable
from queueapi.postgres.store import Store
from queueapi.served import Serving

LADDER = (0.005, 0.02, 0.1)
# Asleep is said anew this often, and holds three times as long: who died asleep is soon not woken any more.
RENEW = 10.0
# While jobs keep coming, claims are this far apart: they gather into one claim instead of costing one each. At 500 a
# second a worker spends 610 µs on each job with 2 ms, 440 with 4 and 330 with 6, and half of them begin within 3.2, 4.7
# and 5.5 ms.
PAUSE = 0.004
# So many claims in a row that found something, each following on the last, mean that jobs keep coming.
STREAK = 8


class Sleeper:
    """Decides how long to wait after a claim, and keeps the sleepers' table true.

    Three states. *Busy*: the worker stands in no table, and looks again by itself: at once while there is more than it
    has room for, else after PAUSE. It falls *asleep* at the first look that finds nothing: says so, looks down the
    ladder, and then only at every poll, since whoever pushes wakes it; a job now and then leaves it asleep.
    *Kept awake by a stream*: with STREAK claims in a row that were woken for something, a notification for each would
    cost the pushers more than looking costs us, and it is busy again.

    Args:
        store: the consumer's own.
        channel: on which this process listens.
        queues: that it serves, in the words of :class:`queueapi.served.Serving`.
        poll: the safety poll's interval, in seconds.
        clock: in seconds.
    """

    def __init__(
        self,
        store: Store,
        channel: str,
        queues: Sequence[str],
        poll: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._channel = channel
        self._serving = Serving(queues)
        self._poll = poll
        self._clock = clock
        self._asleep_since: float | None = None
        self._rungs = 0
        self._streak = 0
        self._rested_at = 0.0

    def rest(self, found: int, room: int) -> float:
        """Seconds to wait after a claim that found so many jobs where there was so much room."""
        if self._asleep_since is not None and self._clock() - self._asleep_since > RENEW:
            self._say_asleep()  # whatever was found: nobody else keeps the note from running out
        if found == room:
            self._streak += 1
            return 0.0
        if found:
            return self._after_some()
        self._streak = 0
        if self._asleep_since is None:
            self._say_asleep()
            self._rungs = 0
            return 0.0
        if self._rungs < len(LADDER):
            self._rungs += 1
            return LADDER[self._rungs - 1]
        return self._poll

    def _after_some(self) -> float:
        now = self._clock()
        self._streak = self._streak + 1 if now - self._rested_at < 0.02 else 0
        self._rested_at = now
        if self._asleep_since is None:
            return PAUSE
        if self._streak >= STREAK:
            self.withdraw()
            return PAUSE
        return self._poll  # whoever pushes from now on wakes us

    def _say_asleep(self) -> None:
        self._store.sleep(self._channel, self._serving.names, RENEW * 3, self._serving.pattern)
        self._asleep_since = self._clock()

    def withdraw(self, quietly: bool = False) -> None:
        """Ask not to be woken any more."""
        if self._asleep_since is None:
            return
        try:
            self._store.awake(self._channel)
        except StoreUnavailable:
            if not quietly:
                raise
        self._asleep_since = None

    def forget(self) -> None:
        """After a restart of the server nobody is known to sleep."""
        self._asleep_since = None
