"""How a Sidekiq job runs, and what becomes of one that failed."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any, ClassVar, Final

from queueapi.claims import Claimed
from queueapi.compat.performing import ON_PURPOSE, Judged, current_attempt, is_last, judge, with_fitting
from queueapi.compat.sidekiq_middleware import server_middleware
from queueapi.errors import SettingsError, WorkerLost
from queueapi.verdicts import Discard

# What Sidekiq's ``retry: true`` comes to, after the first attempt.
RETRIES: Final = 25


def retry_delay(count: int) -> float:
    """Sidekiq's own delay after so many retries, from 0."""
    return count**4 + 15 + math.floor(random.random() * 10) * (count + 1)  # noqa: S311 (no secret)


POLICY: Final = Judged(steps=lambda _, attempt: retry_delay(attempt - 1))


@dataclasses.dataclass
class Performed:
    """A call of ``perform`` that was pushed. ``extra`` is what client middleware has put into the job's hash."""

    target: ClassVar[Any]
    args: list[Any]
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)

    def run(self) -> Any:
        attempt = current_attempt()
        worker, job = self._begun(attempt)
        try:
            return server_middleware.invoke(worker, job, attempt.queue, lambda: worker.perform(*self.args))
        except ON_PURPOSE:
            raise
        except BaseException as error:
            _judge(worker, job, attempt, error)
            raise

    def on_dead(self, error: BaseException) -> None:
        """Its last retry was lost with its worker; of all others ``run()`` has told."""
        if isinstance(error, WorkerLost):
            _tell_exhausted(*self._begun(current_attempt()), error)

    def _begun(self, attempt: Claimed) -> tuple[Any, dict[str, Any]]:
        worker = self.target()
        worker.jid = str(attempt.id)
        job = {**self.extra, **job_hash(self.target, self.args, attempt.queue), "jid": worker.jid}
        return worker, {**job, "retry_count": attempt.attempt - 1}


def job_hash(cls: type, args: list[Any], queue: str) -> dict[str, Any]:
    """A job, as middleware sees it."""
    return {"class": cls.__qualname__, "args": args, "queue": queue}


def attempts(retry: Any) -> int:
    """How often a job with that ``retry`` is tried.

    Raises:
        SettingsError: it is none.
    """
    if retry is None or retry is True:
        return RETRIES + 1
    if retry is False:
        return 1
    if not isinstance(retry, int) or not 0 <= retry < 1000:
        raise SettingsError(f"retry={retry!r} must be True, False, or how many retries there are")
    return retry + 1


def _judge(worker: Any, job: dict[str, Any], attempt: Claimed, error: BaseException) -> None:
    asked = getattr(worker, "retry_in", None)
    says = None
    if asked is not None and not is_last(attempt):
        says = with_fitting(asked, attempt.attempt - 1, error, job)
    if says == "discard":
        raise Discard(f"retry_in discarded it after {type(error).__name__}: {error}") from error
    if says == "kill" or is_last(attempt):
        judge(error, None)
        _exhausted(worker, job, error)
    elif isinstance(says, (int, float)) and not isinstance(says, bool) and says > 0:
        judge(error, float(says))


def _exhausted(worker: Any, job: dict[str, Any], error: BaseException) -> None:
    _tell_exhausted(worker, job, error)
    if type(worker).__options__.get("dead") is False:
        raise Discard(f"its retries are used up, and it says dead=False: {type(error).__name__}: {error}") from error


def _tell_exhausted(worker: Any, job: dict[str, Any], error: BaseException) -> None:
    told = getattr(worker, "retries_exhausted", None)
    if told is not None:
        with_fitting(told, {**job, "error_class": type(error).__name__, "error_message": str(error)}, error)
