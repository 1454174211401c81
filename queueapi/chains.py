"""Lines of jobs of which each begins when the one before it is done, and is told its result.

All of them are stored at once, so that each has a handle and a ticket from the start: those that follow are blocked,
by ``job:ID``. The statement that unblocks one stands in the transaction that finishes the one before, so there is no
moment at which a crash could part them. If one dies, those behind it wait until it is retried and done; if one is
cancelled or given up, so are they.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from queueapi.backends import Backend
from queueapi.middleware import chain
from queueapi.options import Options, options
from queueapi.records import NewJob, Special

Line = Sequence[NewJob]
Said = tuple[object, Options]

# What a push says of when, and of whether at all, is said of the first job of a line.
_OF_THE_FIRST: Final = frozenset({"run_at", "delay", "unique", "unique_until", "unique_for", "on_conflict"})


def previous() -> Any:
    """The result of the job that the running one follows, as JSON brings it back; None if it follows none.

    In a callback of a batch: the batch's figures, see :meth:`queueapi.Batch.status`.
    """
    claimed = chain.attempt()
    return None if claimed is None else claimed.more().previous


def followers(jobs: Iterable[object], queue: str | None, said: Mapping[str, Any]) -> Iterator[Said]:
    """The jobs that follow another of which that is said, and what holds for them; inside of what is around a push."""
    rest = {name: value for name, value in said.items() if name not in _OF_THE_FIRST}
    return ((job, options(more)) for job, more in chain.push_each(jobs, queue, rest))


def push_lines(backend: Backend, lines: Sequence[Line], conn: object | None) -> list[list[int]]:
    """Store the lines, all or none; their ids.

    Of a line whose first job was there already, by its ``unique=``, only that one's id comes back: nothing follows it.
    """
    if all(len(line) == 1 for line in lines):
        return [[id_] for id_ in backend.push([line[0] for line in lines], conn)]
    bundles = backend.bundles
    with bundles.together(conn) as inside:
        newest = bundles.newest(inside)
        firsts = backend.push([_first(line) for line in lines], inside)
        ids = [[id_] for id_ in firsts]
        # Only what is unique may be another's.
        asked = [id_ for id_, line in zip(firsts, lines, strict=True) if line[0].special and line[0].special.unique]
        pushed = {*firsts}.difference(asked) | (bundles.pushed(asked, newest, inside) if asked else set())
        first_of = {firsts[n]: n for n in reversed(range(len(lines)))}  # of two lines that begin the same
        going = [n for n, id_ in enumerate(firsts) if id_ in pushed and first_of[id_] == n]
        place = 1
        while going := [n for n in going if len(lines[n]) > place]:
            rows = [_follower(lines[n], place, ids[n][-1]) for n in going]
            for n, id_ in zip(going, backend.push(rows, inside), strict=True):
                ids[n].append(id_)
            place += 1
    return ids


def _first(line: Line) -> NewJob:
    job = line[0]
    return job if len(line) == 1 else job._replace(special=(job.special or Special())._replace(followed=True))


def _follower(line: Line, place: int, before: int) -> NewJob:
    special = line[place].special or Special()
    followed = len(line) > place + 1
    # Whether it is the same as another is asked of the first alone: without one of them the line would be broken.
    return line[place]._replace(special=special._replace(blocked_by=f"job:{before}", followed=followed, unique=None))
