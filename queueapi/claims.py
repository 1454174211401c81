"""A claimed job, as it comes out of the table: what all have, and what only few have."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypedDict

import msgspec


class Claimed(NamedTuple):
    """A job that this process holds the lease of, in the order of claim_jobs.sql's columns.

    ``watched``: somebody waits to hear that it runs. ``special``: JSON of :class:`Claim`, for the few that have it.
    """

    id: int
    token: int
    queue: str
    kind: str
    args: str
    attempt: int
    max_attempts: int
    priority: int = 0
    watched: bool = False
    special: str | None = None

    def more(self) -> Claim:
        """What it has that a plain job has not."""
        return PLAIN if self.special is None else _claim(self.special)


class RunOptions(TypedDict, total=False):
    """What one push said of how its job is run."""

    timeout: int | float | None
    hard_timeout: int | float | None
    retry: list[float] | None


class Claim(msgspec.Struct, frozen=True):
    """What only few claimed jobs have.

    Attributes:
        expired: its time to begin is over. cancelled: somebody asked for that. paused: its kind is.
        dead: its last attempt was lost with its worker. It does not run: it is told so, and set aside.
        error: parsed JSON, what it is dead of.
        limit_keys: all of these must let it begin.
        batch_id, followed: somebody waits for its end.
        options: what its push said of how it is run.
        cursor: where an interrupted attempt was.
        previous: the result of the job that it follows.
        unreadable: why the rest could not be read, of a row that was written by hand. Such an attempt fails.
    """

    expired: bool = False
    cancelled: bool = False
    paused: bool = False
    dead: bool = False
    error: Any = None
    limit_keys: tuple[str, ...] = ()
    batch_id: int | None = None
    followed: bool = False
    options: RunOptions = {}
    cursor: Any = None
    previous: Any = None
    unreadable: str | None = None


PLAIN: Final = Claim()


class _Flags(msgspec.Struct, frozen=True):
    """Of a :class:`Claim` what nobody can write wrongly: the table's types forbid it."""

    expired: bool = False
    cancelled: bool = False
    paused: bool = False
    dead: bool = False
    batch_id: int | None = None
    followed: bool = False


def _claim(special: str) -> Claim:
    try:
        return msgspec.json.decode(special, type=Claim)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        # No reason to stop its neighbours; and who waits for its end still learns of it.
        return Claim(**msgspec.structs.asdict(_flags(special)), unreadable=str(error))


def _flags(special: str) -> _Flags:
    try:
        return msgspec.json.decode(special, type=_Flags)
    except RecursionError:  # passed over or not, what is nested too deeply is walked; they stand before it
        return msgspec.json.decode(special.partition(', "limit_keys"')[0] + "}", type=_Flags)
