"""One attempt at a job, from its row to its outcome.

Knows no storage: workers, and queues that have none, all run jobs by it.
"""

from __future__ import annotations

import contextvars
import logging
import random
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from queueapi import reporting, retry, serializer
from queueapi.claims import PLAIN, Claim, Claimed
from queueapi.errors import UnknownKind, WorkerLost
from queueapi.interrupts import Cancelled, Interrupted
from queueapi.kinds import Kind, Kinds
from queueapi.middleware import chain
from queueapi.records import Outcome
from queueapi.states import State
from queueapi.verdicts import Discard, Retry, Snooze

_log = logging.getLogger("queueapi")

# How long a job of a kind that this process does not know is left for one that does. A deploy takes longer, but
# the process that knows it may be beside this one.
UNKNOWN_KIND_DELAY = 15.0


class Executor:
    """1. leaves alone what is cancelled, or too late; 2. finds the class; 3. tells what is dead already; 4. reads the
    arguments; 5. calls ``run()``; 6. writes the result down; 7. says how it ended.

    Whatever a job raises, SystemExit and KeyboardInterrupt included, is that attempt's failure and nobody else's.

    Args:
        kinds: where classes are looked up.
        max_result: bytes of a result.
        rand: a number in [0, 1), for the retry delay.
        on_error: called with what a job failed of, for whoever wants the exception itself; it must not raise.
    """

    def __init__(
        self,
        kinds: Kinds,
        max_result: int,
        rand: Callable[[], float] = random.random,
        on_error: Callable[[Claimed, BaseException], None] = lambda _, __: None,
    ) -> None:
        self._kinds = kinds
        self._max_result = max_result
        self._rand = rand
        self._on_error = on_error

    def execute(self, claimed: Claimed, reporter: reporting.Reporter | None = None) -> Outcome:
        """Run the attempt; whatever happens is in the outcome."""
        more = PLAIN
        if claimed.special is not None:
            more = claimed.more()
            if (outcome := _not_begun(claimed, more)) is not None:
                return outcome
            if reporter is not None:
                reporter.cursor = None if more.cursor is None else msgspec.json.encode(more.cursor).decode()
        try:
            kind = self._kinds.named(claimed.kind)
        except UnknownKind as error:
            return _left_for_another(claimed, more, error)
        if more.dead:
            return _told(kind, claimed, more)
        job = None
        try:
            job = _read(kind, claimed)
            # In a context of its own, so that what one job sets the next does not see.
            result = contextvars.copy_context().run(_run, job, claimed, reporter)
        except BaseException as error:
            return self._ended_early(claimed, kind, job, error, reporter)
        return self._done(claimed, kind, result)

    def _ended_early(
        self, claimed: Claimed, kind: Kind, job: Any, error: BaseException, reporter: reporting.Reporter | None
    ) -> Outcome:
        told_to = isinstance(error, Cancelled) and error.means(claimed)
        if told_to or (reporter is not None and reporter.cancelled):  # then what it raised came of that
            return cancelled(claimed)
        if isinstance(error, Interrupted) and error.means(claimed):
            outcome = Outcome(claimed.id, claimed.token, State.AVAILABLE, charged=False)
        else:
            outcome = self._failed(claimed, kind, job, error)
        return outcome if reporter is None or reporter.cursor is None else outcome._replace(cursor=reporter.cursor)

    def _done(self, claimed: Claimed, kind: Kind, result: object) -> Outcome:
        try:
            text = serializer.result_dumps(kind, result, self._max_result)
        except Exception as error:  # NotSerializable, or what the result's own code raises when it is looked at
            # The work is done and its result cannot be told; doing it again would not change that.
            self._on_error(claimed, error)
            return _dead(claimed, error)
        return Outcome(claimed.id, claimed.token, State.DONE, text)

    def _failed(self, claimed: Claimed, kind: Kind, job: Any, error: BaseException) -> Outcome:
        if isinstance(error, Snooze):
            return Outcome(claimed.id, claimed.token, State.SCHEDULED, delay=error.delay, charged=False)
        # What nobody could read is not for its class to judge.
        policy = retry.DEFAULT if job is None else kind.policy
        if claimed.special is not None:
            policy = retry.with_steps(policy, claimed.more().options.get("retry"))
        if isinstance(error, Discard) or policy.discards(error):
            return Outcome(claimed.id, claimed.token, State.CANCELLED, error=_described(error))
        asked = error if isinstance(error, Retry) else None
        if asked is not None and asked.__cause__ is not None:
            error = asked.__cause__
        delay = None if claimed.attempt >= claimed.max_attempts else self._delay(claimed, policy, error, asked)
        if delay is None:
            self._on_error(claimed, error)
            _tell(job, claimed, "on_dead", error)
            return _dead(claimed, error)
        if asked is None:
            self._on_error(claimed, error)
        _tell(job, claimed, "on_retry", error, delay)
        return Outcome(claimed.id, claimed.token, State.SCHEDULED, error=_described(error), delay=delay)

    def _delay(
        self, claimed: Claimed, policy: retry.Policy, error: BaseException, asked: Retry | None
    ) -> float | None:
        if asked is not None and asked.delay is not None:
            return asked.delay
        if asked is not None:
            policy = policy._replace(retried=None)
        try:
            return policy.delay(error, claimed.attempt, self._rand())
        except Exception:  # the class's own function
            _log.exception("the retry= of %s failed; the job is tried again on the usual curve", claimed.kind)
            return retry.delay(claimed.attempt, self._rand())


def cancelled(claimed: Claimed) -> Outcome:
    """The attempt that somebody has cancelled, begun or not."""
    return _given_up(claimed, "Cancelled", str(Cancelled()))


def _not_begun(claimed: Claimed, more: Claim) -> Outcome | None:
    """How it ends without being run, if it does."""
    if more.cancelled:
        return _given_up(claimed, "Cancelled", "somebody cancelled it, and it came back to the queue")
    if more.expired and more.cursor is None and not more.dead:  # what was interrupted on its way has begun in time
        return _given_up(claimed, "Expired", "it was not begun within its expires_in")
    return None


def _given_up(claimed: Claimed, type_: str, message: str) -> Outcome:
    return Outcome(claimed.id, claimed.token, State.CANCELLED, error=serializer.error_dumps(type_, message))


def _tell(job: Any, claimed: Claimed, hook: str, *words: object) -> None:
    """Call the job's own hook, if it has one. Whatever happens there, the attempt has ended as it has."""
    try:
        method = getattr(job, hook, None)
        if method is not None:
            contextvars.copy_context().run(chain.tell, job, claimed, partial(method, *words))
    except BaseException:
        _log.exception("%s of %s failed", hook, type(job).__qualname__)


class Unreadable(Exception):
    """The row's arguments do not fit the class: it changed since the push, or the row was written by hand."""


def _read(kind: Kind, claimed: Claimed) -> Any:
    if claimed.special is not None and (reason := claimed.more().unreadable) is not None:
        raise Unreadable(f"the row of this job cannot be read: {reason}")
    try:
        return serializer.loads(kind, claimed.args)
    except (msgspec.MsgspecError, RecursionError, ValueError, TypeError) as error:
        raise Unreadable(f"the arguments do not fit {kind.cls.__qualname__}: {error}") from error


def _run(job: Any, claimed: Claimed, reporter: reporting.Reporter | None) -> Any:
    reporting.use(reporter)
    return chain.perform(job, claimed)


def _told(kind: Kind, claimed: Claimed, more: Claim) -> Outcome:
    """The end of what was lost in its last attempt. The worker that it was lost with could call no hook."""
    try:
        job = _read(kind, claimed)
    except BaseException:  # then there is nobody to be told
        job = None
    text = _died_of(more)
    _tell(job, claimed, "on_dead", WorkerLost(str(msgspec.json.decode(text)["message"])))
    return Outcome(claimed.id, claimed.token, State.DEAD, error=text)


def _died_of(more: Claim) -> str:
    if isinstance(more.error, dict) and "message" in more.error:
        return msgspec.json.encode(more.error).decode()
    return serializer.error_dumps("WorkerLost", "its worker was lost in the last attempt")  # changed by hand


def _left_for_another(claimed: Claimed, more: Claim, error: BaseException) -> Outcome:
    text = serializer.error_dumps(type(error).__name__, f"{error}; waiting for a worker that knows it")
    if more.dead:
        text = _died_of(more)
    delay = UNKNOWN_KIND_DELAY
    return Outcome(claimed.id, claimed.token, State.SCHEDULED, error=text, delay=delay, charged=False)


def _dead(claimed: Claimed, error: BaseException) -> Outcome:
    return Outcome(claimed.id, claimed.token, State.DEAD, error=_described(error))


def _described(error: BaseException) -> str:
    if type(error) in (Discard, Retry):  # said on purpose: where that was matters to nobody
        return serializer.error_dumps(type(error).__qualname__, str(error))
    try:
        message = str(error)
    except BaseException:  # it is the job's own code that speaks here
        message = "(its message could not be read)"
    try:
        trace = "".join(traceback.format_exception(error))
    except BaseException:
        trace = None
    return serializer.error_dumps(type(error).__qualname__, message, trace)
