"""How a Resque job runs, and what its class says of that."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Final

from queueapi.compat.performing import ON_PURPOSE, Judged, current_attempt, is_last, judge
from queueapi.errors import WorkerLost
from queueapi.limits import Concurrency, Limit
from queueapi.retry import Policy
from queueapi.times import seconds
from queueapi.verdicts import Discard, Snooze

_RETRIES: Final = (
    "retry_limit", "retry_delay", "retry_exceptions", "fatal_exceptions", "ignore_exceptions", "backoff_strategy",
)  # fmt: skip
# What "for ever" comes to: resque-retry's limit of -1.
_FOR_EVER: Final = 1000


class DontPerform(Exception):
    """Raised in ``before_perform_…``: the job is not performed, and is over."""


@dataclasses.dataclass
class Performed:
    """A call of ``perform`` that was enqueued."""

    target: ClassVar[Any]
    args: list[Any]

    def run(self) -> Any:
        cls, args = self.target, self.args
        try:
            for hook in hooks(cls, "before_perform"):
                hook(*args)
            result = _around(hooks(cls, "around_perform"), bound(cls, "perform"), args)
            for hook in hooks(cls, "after_perform"):
                hook(*args)
            return result
        except DontPerform as error:
            raise Discard(str(error) or "a before_perform hook said DontPerform") from error
        except ON_PURPOSE:
            raise
        except BaseException as error:
            for hook in hooks(cls, "on_failure"):
                hook(error, *args)
            _judge(cls, error, args)
            raise

    def on_dead(self, error: BaseException) -> None:
        """Its last attempt was lost with its worker; of all others ``run()`` has told."""
        if isinstance(error, WorkerLost):
            for hook in hooks(self.target, "on_failure"):
                hook(error, *self.args)


def hooks(cls: type, prefix: str) -> list[Callable[..., Any]]:
    """The class's methods that begin so, in alphabetical order."""
    names = (name for name in dir(cls) if name == prefix or name.startswith(f"{prefix}_"))
    return [bound(cls, name) for name in names]


def bound(cls: type, name: str) -> Callable[..., Any]:
    """A method of the class, or of a new object of it, or, if it names no ``self``, the function as it stands."""
    raw = inspect.getattr_static(cls, name)
    if inspect.isfunction(raw):
        takes_self = next(iter(inspect.signature(raw).parameters), None) == "self"
        return getattr(cls(), name) if takes_self else raw
    method: Callable[..., Any] = getattr(cls, name)
    return method


def _around(around: list[Callable[..., Any]], perform: Callable[..., Any], args: list[Any]) -> Any:
    with contextlib.ExitStack() as stack:
        for hook in around:
            stack.enter_context(contextlib.contextmanager(hook)(*args))
        return perform(*args)


# -- resque-retry


def policy_of(cls: Any) -> Policy:
    """What was not said of an error is tried again at once: how often, its push has said."""
    return Judged(steps=(0.0,))


def attempts_of(cls: Any) -> int:
    """How often its jobs are tried."""
    if not any(getattr(cls, name, None) is not None for name in _RETRIES):
        return 1
    backoff = getattr(cls, "backoff_strategy", None)
    limit = getattr(cls, "retry_limit", None)
    if limit is None:
        limit = len(backoff) if backoff else 1
    return _FOR_EVER if limit < 0 else limit + 1


def _judge(cls: Any, error: BaseException, args: list[Any]) -> None:
    if isinstance(error, _listed(cls, "ignore_exceptions")):
        raise Snooze(max(1.0, _delay(cls, error, args))) from error
    retried = getattr(cls, "retry_exceptions", None)
    final = isinstance(error, _listed(cls, "fatal_exceptions"))
    if final or (retried is not None and not isinstance(error, tuple(retried))):
        judge(error, None)
    elif not is_last(current_attempt()):
        judge(error, _delay(cls, error, args))


def _listed(cls: Any, name: str) -> tuple[type[BaseException], ...]:
    return tuple(getattr(cls, name, None) or ())


def _delay(cls: Any, error: BaseException, args: list[Any]) -> float:
    said = getattr(cls, "retry_exceptions", None)
    steps: Any = None
    if isinstance(said, dict):
        steps = next((delays for type_, delays in said.items() if isinstance(error, type_)), None)
    if steps is None:
        steps = getattr(cls, "backoff_strategy", None)
    if steps is None:
        steps = bound(cls, "retry_delay")(error, *args) if _is_method(cls, "retry_delay") else _plain(cls)
    if isinstance(steps, (list, tuple)):
        steps = steps[min(current_attempt().attempt, len(steps)) - 1]
    return seconds("retry_delay", steps)


def _plain(cls: Any) -> Any:
    return getattr(cls, "retry_delay", 0)


def _is_method(cls: Any, name: str) -> bool:
    return callable(getattr(cls, name, None))


# -- resque-throttle and resque-workers-lock


def uniqueness_of(cls: Any) -> dict[str, Any]:
    """The options of a push that keep a job from being enqueued twice."""
    if hasattr(cls, "can_run_every"):
        if getattr(cls, "throttle_disabled", False):
            return {}
        key = bound(cls, "identifier") if hasattr(cls, "identifier") else lambda *_: None
        every: float | dt.timedelta = cls.can_run_every
        return {"unique": lambda job: [key(*job.args)], "unique_for": every, "on_conflict": "raise"}
    if hasattr(cls, "lock_enqueue"):
        return {"unique": _Locked(bound(cls, "lock_enqueue")), "on_conflict": "skip"}
    return {}


class _Locked:
    """The key of a job that is locked at enqueue; None of one that is not."""

    def __init__(self, key: Callable[..., Any]) -> None:
        self._key = key

    def __call__(self, job: Performed) -> Any:
        key = self._key(*job.args)
        return None if key is False else key


def limits_of(cls: Any) -> list[Limit]:
    """The lock that a job runs under."""
    if not hasattr(cls, "lock_workers"):
        return []
    return [Concurrency(1, by=lambda job: _text(bound(cls, "lock_workers")(*job.args), job), name="resque-lock")]


def _text(key: Any, job: Performed) -> str:
    return f"unlocked {id(job)} {dt.datetime.now(dt.UTC)}" if key is False else repr(key)
