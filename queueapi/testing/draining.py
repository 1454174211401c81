"""Runs the jobs of a test's database, in the test's own thread, by the parts of a real worker."""

from __future__ import annotations

import secrets
from uuid import uuid4

from queueapi.claims import Claimed
from queueapi.errors import UnknownKind
from queueapi.events import Events
from queueapi.executor import Executor
from queueapi.kinds import kinds
from queueapi.postgres.admitting import Admitting
from queueapi.postgres.connection import connect
from queueapi.postgres.scratch import hasten
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import Outcome, Progress
from queueapi.reporting import Reporter
from queueapi.settings import Settings
from queueapi.states import State
from queueapi.worker.admission import Admission
from queueapi.worker.linked import Linker, links
from queueapi.worker.order import Order
from queueapi.worker.recorder import Recorder

# A test that runs for so long has other troubles.
_LEASE = 3600.0


class Drainer:
    """1. claims a job, as a worker would: by priority, if its limits let it begin; 2. runs it, by the workers'
    executor; 3. writes down how it ended, with what comes of it: retries, chains, batches.

    Left out is what needs a process of one's own: time limits, and being killed.

    Args:
        settings: whose database, and which queues; default all of them.
    """

    def __init__(self, settings: Settings) -> None:
        def session() -> Dedicated:
            return Dedicated(lambda: connect(settings.database_url, "queueapi tests", settings.connect_timeout))

        self._session = session()
        self._progress = session()  # a job may report out of any thread of its own
        self._store = Store(self._session)
        self._upkeep = Upkeep(self._session)
        self._admission = Admission(Admitting(self._session), kinds)
        self._linker = Linker(self._session, settings.result_ttl)
        self._recorder = Recorder(self._store, settings.result_ttl, Events(), self._linker)
        self._executor = Executor(kinds, settings.max_result, on_error=lambda _, error: self._errors.append(error))
        self._order = Order(settings.queues, self._store.queues)
        self._id = uuid4()
        self._errors: list[BaseException] = []
        self._put_off: set[int] = set()

    def drain(self, scheduled: bool = False, raising: bool = True) -> int:
        """Run jobs until nothing is due any more; how many attempts that were.

        Args:
            scheduled: also what is scheduled for later, retries among it, as if the time had come. What a job puts
                off itself is not run again, or this might never end.
            raising: raise what the first of them failed of, after all have run.
        """
        self._errors.clear()
        self._put_off.clear()
        attempts = 0
        while True:
            self._upkeep.promote()
            job = self._claim()
            if job is not None:
                attempts += self._serve(job)
            elif not scheduled or not hasten(self._session, self._put_off):
                break
        if raising and self._errors:
            raise self._errors[0]
        return attempts

    def close(self) -> None:
        """Close its connections."""
        self._session.close()
        self._progress.close()

    def _claim(self) -> Claimed | None:
        self._order.unfilled()
        claimed = self._store.claim(self._order.next(), 1, secrets.randbits(63), self._id, _LEASE)
        return claimed[0] if claimed else None

    def _serve(self, job: Claimed) -> bool:
        """Run it, if it may begin. Whether it did."""
        begin, back = self._admission.admit([job])
        for one in back:
            self._recorder.outcomes([Outcome(one.id, one.token, State.AVAILABLE, charged=False)])
        for one in begin:
            self._finish(one, self._run(one))
        return bool(begin)

    def _run(self, job: Claimed) -> Outcome:
        try:
            kinds.named(job.kind)
        except UnknownKind as error:
            self._errors.append(error)
        return self._executor.execute(job, Reporter(lambda reporter: self._report(job, reporter), lambda _: None))

    def _report(self, job: Claimed, reporter: Reporter) -> None:
        word = Progress(job.id, job.token, reporter.done, reporter.total, reporter.message, reporter.cursor)
        Store(self._progress).report([word])

    def _finish(self, job: Claimed, outcome: Outcome) -> None:
        linked = links([(outcome, job)])
        self._recorder.outcomes([outcome], linked)
        self._admission.ended([job])
        self._store.forget_progress([(job.id, job.token)])
        self._linker.complete(linked)
        if not outcome.charged:
            self._put_off.add(job.id)
