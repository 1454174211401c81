"""Whether a failed job is tried again, and how long it waits for that. Pure; randomness is passed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from queueapi.errors import SettingsError
from queueapi.later import Later
from queueapi.times import seconds

if TYPE_CHECKING:
    import datetime as dt

    Asked = Callable[[BaseException, int], float | dt.timedelta]
    # What a class may say: nothing (the curve), seconds, seconds after each attempt (the last repeats), or a function.
    Delays = float | dt.timedelta | Sequence[float | dt.timedelta] | Asked | None
    Errors = type[BaseException] | Sequence[type[BaseException]]
    RetryOn = Errors | Mapping[type[BaseException], Delays] | None
    _Steps = tuple[float, ...] | Asked | None
else:
    dt = Later("datetime")

# 25 attempts on this curve span about 20 days: a long week-end plus the time to notice, mend and deploy.
MAX_ATTEMPTS = 25


def delay(attempt: int, random: float) -> float:
    """Seconds to wait after the given failed attempt: ``n⁴ + 15``, and up to ``10 n`` more.

    The curve is Sidekiq's (wiki, "Error Handling"): quick at first, since most failures are hiccups, and days
    later on, since the rest need a person. The random part keeps jobs that failed together from coming back
    together.

    Args:
        attempt: the number of the attempt that failed, from 1.
        random: a number in [0, 1).
    """
    return attempt**4 + 15 + random * 10 * attempt


class Policy(NamedTuple):
    """What a job's class says of its failures.

    Attributes:
        steps: seconds after the first attempt, the second, …; a function; or None for the curve.
        retried: only these are tried again, each with steps of its own or None; None: all are.
        discarded: these end the job at once, as cancelled.
    """

    steps: _Steps = None
    retried: tuple[tuple[type[BaseException], _Steps], ...] | None = None
    discarded: tuple[type[BaseException], ...] = ()

    def discards(self, error: BaseException) -> bool:
        """Whether the job is over with this error."""
        return isinstance(error, self.discarded)

    def delay(self, error: BaseException, attempt: int, random: float) -> float | None:
        """Seconds until the next attempt; None: there shall be none.

        Raises:
            Exception: the class's own function did, or gave no delay.
        """
        steps = self.steps
        if self.retried is not None:
            found = [own for type_, own in self.retried if isinstance(error, type_)]
            if not found:
                return None
            steps = found[0] if found[0] is not None else steps
        if steps is None:
            return delay(attempt, random)
        if callable(steps):
            return seconds("the delay that retry= gave", steps(error, attempt))
        return steps[min(attempt, len(steps)) - 1]


DEFAULT: Final = Policy()


def with_steps(base: Policy, steps: object) -> Policy:
    """With what :func:`stored` wrote down, instead of the class's own; what is written by hand and none is left out."""
    try:
        return base._replace(steps=_steps("retry", steps)) if isinstance(steps, list) else base
    except SettingsError:
        return base


def policy(base: Policy, retry: Delays, retry_on: RetryOn, discard_on: Errors | None) -> Policy:
    """The policy of a class, of that of its base and what it says itself.

    Raises:
        SettingsError: an option cannot be read.
    """
    return Policy(
        base.steps if retry is None else _steps("retry", retry),
        base.retried if retry_on is None else _retried(retry_on),
        base.discarded if discard_on is None else _errors("discard_on", discard_on),
    )


def attempts(given: int | None, retry: Delays) -> int | None:
    """How many attempts there are: as many as are given, else as a list of delays speaks of."""
    return len(retry) + 1 if given is None and isinstance(retry, (list, tuple)) else given


def stored(value: Any) -> list[float]:
    """What one push says of its delays, as it can be written down: seconds after the first attempt, the second, ….

    Raises:
        SettingsError: it cannot be read; or it is a function, which a row cannot hold.
    """
    steps = _steps("retry", value)
    if not isinstance(steps, tuple):
        raise SettingsError(f"retry={value!r} cannot be stored with one push: give seconds, or say it on the class")
    return list(steps)


def _steps(name: str, value: Any) -> _Steps:
    if value is None or (callable(value) and not isinstance(value, type)):
        return value
    if isinstance(value, (list, tuple)) and value:
        return tuple(seconds(name, item) for item in value)
    if type(value) in (int, float, dt.timedelta):
        return (seconds(name, value),)
    raise SettingsError(
        f"{name}={value!r} must be seconds, a list of them, or a function of the exception and the attempt; "
        "max_attempts=1 is to try no more"
    )


def _retried(value: Any) -> tuple[tuple[type[BaseException], _Steps], ...]:
    if isinstance(value, Mapping):
        _errors("retry_on", tuple(value))
        return tuple((type_, _steps("retry_on", steps)) for type_, steps in value.items())
    return tuple((type_, None) for type_ in _errors("retry_on", value))


def _errors(name: str, value: Any) -> tuple[type[BaseException], ...]:
    errors = tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else (value,)
    for error in errors:
        if not (isinstance(error, type) and issubclass(error, BaseException)):
            raise SettingsError(f"{name} names {error!r}, which is no exception class")
    return errors
