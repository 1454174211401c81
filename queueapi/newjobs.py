"""From a job object and its options to the row that is inserted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from queueapi import retry, serializer
from queueapi.kinds import Kind
from queueapi.later import Later
from queueapi.options import Options, evaluated, is_plain, merged
from queueapi.records import NewJob, Special
from queueapi.times import moment, seconds

if TYPE_CHECKING:
    from queueapi import limits, unique
else:
    limits, unique = Later("queueapi.limits"), Later("queueapi.unique")


def new_job(kind: Kind, job: object, push: Options, queue: str | None, max_args: int) -> NewJob:
    """The row.

    Args:
        push: what this push says; it wins.
        queue: the name that the queue itself was bound to; it wins over that of the class.
        max_args: bytes.
    """
    said = evaluated(merged(kind.options, push), job)
    args = serializer.dumps(kind, job, max_args)
    name = (push.queue and said.queue) or queue or said.queue or "default"
    return NewJob(
        name,  # type: ignore[arg-type]
        kind.name,
        args,
        said.priority or 0,  # type: ignore[arg-type]
        said.max_attempts or retry.MAX_ATTEMPTS,  # type: ignore[arg-type]
        _seconds(said, "delay") or 0.0,
        None if said.run_at is None else moment(said.run_at),
        None if kind.limits == () and is_plain(said) else _special(kind, job, said, args),
    )


def _special(kind: Kind, job: object, said: Options, args: str) -> Special:
    for_worker: dict[str, object] = {
        name: _seconds(said, name) for name in ("timeout", "hard_timeout") if getattr(said, name) is not None
    }
    if said.retry is not None:
        for_worker["retry"] = retry.stored(said.retry)
    return Special(
        expires_in=_seconds(said, "expires_in"),
        unique=unique.of(kind, job, said, args),
        limit_keys=limits.keys(kind.name, kind.limits, job) or None,
        limit_room=limits.room(kind.limits),
        result_ttl=0.0 if said.keep_result is False else _seconds(said, "result_ttl"),
        options=msgspec.json.encode(for_worker).decode() if for_worker else None,
    )


def _seconds(said: Options, name: str) -> float | None:
    value = getattr(said, name)
    return None if value is None else seconds(name, value)
