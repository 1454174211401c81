"""What the dialects share: a kind for each class of theirs, verdicts on what its jobs raise, and hooks."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from queueapi.claims import Claimed
from queueapi.errors import NotSerializable
from queueapi.interrupts import Interruption
from queueapi.kinds import Kind, address_of, kinds
from queueapi.limits import Limit
from queueapi.middleware import chain
from queueapi.options import NOTHING, Options
from queueapi.retry import Policy
from queueapi.verdicts import Discard, Snooze

# What the dialects' hooks on errors are not told of: none of these is an error.
ON_PURPOSE: Final = (Interruption, Snooze, Discard)
_VERDICT: Final = "__queueapi_verdict__"


class Judged(Policy):
    """A policy that goes by what ``run()`` itself has said of an error, and else by its steps."""

    __slots__ = ()

    def delay(self, error: BaseException, attempt: int, random: float) -> float | None:
        """See :class:`queueapi.retry.Policy`."""
        if hasattr(error, _VERDICT):
            verdict: float | None = getattr(error, _VERDICT)
            return verdict
        return super().delay(error, attempt, random)


def judge(error: BaseException, delay: float | None) -> None:
    """Have the attempt that fails of this tried again after so many seconds; None: have the job dead."""
    object.__setattr__(error, _VERDICT, delay)


def add_kind(
    cls: type,
    base: type,
    policy: Policy,
    said: Options = NOTHING,
    limits: Sequence[Limit] = (),
    name: str | None = None,
) -> type:
    """Register a kind for somebody's class: a job class derived from ``base``, which knows it as ``target``."""
    words = {"target": cls, "__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    job: Any = dataclasses.dataclass(type(cls.__name__, (base,), words))
    kinds.add(Kind(name or address_of(cls), job, job, said, policy, tuple(limits)))
    return job  # type: ignore[no-any-return]


def current_attempt() -> Claimed:
    """The attempt that is running."""
    attempt = chain.attempt()
    assert attempt is not None, "called outside of a job"
    return attempt


def is_last(attempt: Claimed) -> bool:
    """Whether the job has no attempt left after this."""
    return attempt.attempt >= attempt.max_attempts


def as_json(args: Sequence[Any], name: str) -> list[Any]:
    """Arguments that JSON brings back as they are.

    Raises:
        NotSerializable: they would not be the same. A TypeError.
    """
    plain = list(args)
    try:
        back = msgspec.json.decode(msgspec.json.encode(plain))
    except Exception as error:
        raise NotSerializable(f"the arguments of {name} cannot be written down as JSON: {error}") from error
    for number, (before, after) in enumerate(zip(plain, back, strict=True)):
        if before != after or type(before) is not type(after):
            raise NotSerializable(
                f"argument {number + 1} of {name} is {before!r}, and would be {after!r} in the job: "
                "pass ids, text and numbers"
            )
    return plain


def with_fitting(function: Callable[..., Any], *words: Any) -> Any:
    """Call it with as many of the words as it takes."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return function(*words)
    takes = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return function(*words[: len(takes)])
