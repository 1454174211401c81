"""What a job's class, or one push, may say of how it is to be run; and what is refused, at once and by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypedDict

from queueapi.errors import SettingsError
from queueapi.later import Later
from queueapi.names import checked_name
from queueapi.retry import attempts, stored
from queueapi.times import moment, seconds

if TYPE_CHECKING:
    import datetime as dt
    import inspect

    from queueapi.limits import Limits
    from queueapi.retry import Delays, Errors, RetryOn

    Seconds = float | dt.timedelta
    # A function that is called at push, with the job or with nothing, and gives the value.
    Asked = Callable[..., Any]
else:
    inspect = Later("inspect")


class Pushed(TypedDict, total=False):
    """What a push may say, and a class for all its jobs.

    queue, priority, max_attempts, run_at, delay: see :meth:`queueapi.queues.Queue.push`.
    expires_in: seconds after the time when it may begin. Whoever comes to it later does not begin it: it is recorded as
        cancelled, with that reason.
    unique: True, a field, several, or a function of the job: one of its kind that is equal in these is the same job.
        Where the function gives None, none is.
    unique_until: ``end`` (default): until the job has ended, whatever happens to it until then; ``start``: until a
        worker takes it, so that one more may wait while it runs. Two pushes that differ in this are not the same.
    unique_for: seconds, from the push, in which there is no other even if it has ended by then.
    on_conflict: what becomes of a push if the same job is there. ``skip`` (default): nothing; it gives the handle of
        that job. ``raise``: it raises :class:`queueapi.NotUnique`. ``replace``: that job gets the arguments and options
        of this push, and its time if this has one. ``postpone``: the same, but it never begins sooner than it would
        have: a delay begins anew with every push. What has begun is not replaced: that raises NotUnique, too.
    retry: seconds to wait after a failed attempt, or a list of them: see :class:`queueapi.Job`. A function of the
        exception and the attempt only a class can say.
    timeout: seconds after which SoftTimeout is raised in the job, at its next switch or progress call.
    hard_timeout: seconds after which its process is ended, by force.
    keep_result: False keeps nothing of a job that is done. result_ttl: seconds that its outcome is kept.
    """

    queue: str | Asked | None
    priority: int | Asked | None
    max_attempts: int | Asked | None
    run_at: dt.datetime | Asked | None
    delay: Seconds | Asked | None
    expires_in: Seconds | Asked | None
    unique: bool | str | Sequence[str] | Callable[[Any], object] | None
    unique_until: Literal["end", "start"] | None
    unique_for: Seconds | Asked | None
    on_conflict: Literal["skip", "replace", "raise", "postpone"] | None
    retry: Delays
    timeout: Seconds | Asked | None
    hard_timeout: Seconds | Asked | None
    keep_result: bool | None
    result_ttl: Seconds | Asked | None


class Declared(Pushed, total=False):
    """What only a class may say.

    kind: the registered name; default ``module.Class``. Give one, and the class may move.
    retry_on, discard_on: see :class:`queueapi.Job`.
    limit: how many run at once, or begin in a time, on all workers: see :mod:`queueapi.limits`.
    """

    kind: str | None
    retry_on: RetryOn
    discard_on: Errors | None
    limit: Limits


class Options(NamedTuple):
    """The same, as it is kept. None = not said here."""

    queue: str | Asked | None = None
    priority: int | Asked | None = None
    max_attempts: int | Asked | None = None
    run_at: dt.datetime | Asked | None = None
    delay: Seconds | Asked | None = None
    # Only few jobs have any of these: they begin at SPECIAL.
    expires_in: Seconds | Asked | None = None
    unique: Any = None
    unique_until: str | None = None
    unique_for: Seconds | Asked | None = None
    on_conflict: str | None = None
    retry: Any = None  # of a push; what a class says is in its policy
    timeout: Seconds | Asked | None = None
    hard_timeout: Seconds | Asked | None = None
    keep_result: bool | None = None
    result_ttl: Seconds | Asked | None = None


NOTHING: Final = Options()
SPECIAL: Final = Options._fields.index("expires_in")
_PLAIN: Final = NOTHING[SPECIAL:]

_CHOICES: Final = {"unique_until": ("end", "start"), "on_conflict": ("skip", "replace", "raise", "postpone")}
# The thousandth attempt would be made in some six million years.
_NUMBERS: Final = {"priority": (-32768, 32767), "max_attempts": (1, 1000)}
_SECONDS: Final = ("delay", "expires_in", "unique_for", "timeout", "hard_timeout", "result_ttl")
_TIMEOUTS: Final = frozenset({"timeout", "hard_timeout"})
# Whose functions are not asked at push what the value is: they are the value.
_FUNCTIONS: Final = frozenset({"unique", "retry"})


def options(given: Mapping[str, Any]) -> Options:
    """The options of that, checked.

    Raises:
        TypeError: there is no such option.
        SettingsError: one is out of range.
    """
    for name in given:
        if name not in Options._fields:
            raise TypeError(f"there is no option {name!r}; there are {', '.join(Options._fields)}")
    if not given:
        return NOTHING
    said = checked(Options(**given))
    return said if said.retry is None else said._replace(max_attempts=attempts(given.get("max_attempts"), said.retry))


def merged(base: Options, over: Options) -> Options:
    """What both say; the second wins."""
    if over is NOTHING:
        return base
    if over.run_at is not None or over.delay is not None:  # one of the two takes the other's place
        base = base._replace(run_at=None, delay=None)
    return Options(*(old if new is None else new for old, new in zip(base, over, strict=True)))


def evaluated(said: Options, job: object) -> Options:
    """With every function among them asked. Checked as if it had been said so."""
    if not any(map(callable, said)):  # the most, at a third of the price
        return said
    found = {
        name: _ask(value, job)
        for name, value in zip(Options._fields, said, strict=True)
        if callable(value) and name not in _FUNCTIONS
    }
    return checked(said._replace(**found)) if found else said


def is_plain(said: Options) -> bool:
    """Whether a job with these needs no more than a plain row."""
    return said[SPECIAL:] == _PLAIN


def checked(said: Options) -> Options:
    """The options, if they can be kept.

    Raises:
        SettingsError: a name or number that the table has no room for.
    """
    for name, value in zip(Options._fields, said, strict=True):
        if value is not None and (name == "retry" or not callable(value)):
            _check(name, value)
    if said.run_at is not None and said.delay is not None:
        raise SettingsError(f"run_at={said.run_at} and delay={said.delay} exclude each other: give one")
    return said


def _check(name: str, value: Any) -> None:
    if name == "queue":
        checked_name("queue", value)
    elif name in _NUMBERS:
        least, most = _NUMBERS[name]
        if type(value) is not int or not least <= value <= most:
            raise SettingsError(f"{name} is {value!r}, and must be a whole number from {least} to {most}")
    elif name in _CHOICES and value not in _CHOICES[name]:
        raise SettingsError(f"{name} is {value!r}, and must be one of {', '.join(_CHOICES[name])}")
    elif name == "run_at":
        moment(value)
    elif name in _SECONDS:
        if seconds(name, value) == 0 and name in _TIMEOUTS:
            raise SettingsError(f"{name} is 0, and no job ends in no time: give more, or leave it out for none")
    elif name == "unique":
        _check_unique(value)
    elif name == "retry":
        stored(value)
    elif name == "keep_result" and not isinstance(value, bool):
        raise SettingsError(f"keep_result is {value!r}, and must be True or False")


def _check_unique(value: Any) -> None:
    names = [value] if isinstance(value, str) else value
    if isinstance(value, bool):
        return
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        raise SettingsError(f"unique is {value!r}, and must be True, the name of a field, several, or a function")


def _ask(function: Callable[..., Any], job: object) -> Any:
    try:
        takes_job = bool(inspect.signature(function).parameters)
    except ValueError:  # a builtin that does not tell
        takes_job = False
    return function(job) if takes_job else function()
