"""From jobs to rows, and to where these belong: a backend, or a batch whose with block is open."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from queueapi.backends import Backend, Route
from queueapi.chains import push_lines
from queueapi.errors import NotAJob, NotSerializable, SettingsError
from queueapi.handles import Handle, Handles
from queueapi.joining import joined
from queueapi.kinds import kinds
from queueapi.newjobs import new_job
from queueapi.options import Options
from queueapi.records import NewJob

Said = tuple[object, Options]


class Pushing(NamedTuple):
    """How a queue stores jobs, with what is said of each.

    Attributes:
        backend: the queue's. name: that it is bound to. routes: the names behind which another backend stands.
    """

    backend: Callable[[], Backend]
    name: str | None
    routes: Mapping[str, Route]

    def one(self, job: object, said: Options, conn: object | None) -> Handle:
        """Store a job."""
        # As a line of one, by the shortest way: it is nearly all pushes.
        backend = self.backend()
        if self.routes or joined(backend, conn) is not None:
            return self.line([(job, said)], conn)[0]
        row = new_job(kinds.of(job), job, said, self.name, backend.settings.max_args)
        return Handle(backend, backend.push([row], conn)[0])

    def line(self, line: Sequence[Said], conn: object | None) -> list[Handle]:
        """Store jobs of which each follows the one before."""
        backend = self.backend()
        rows = [new_job(kinds.of(job), job, said, self.name, backend.settings.max_args) for job, said in line]
        if self.routes:
            backend, routed = self._routed(backend, iter(rows))
            rows = list(routed)
        batch = joined(backend, conn)
        if batch is not None:
            return batch.add([rows], conn)[0]
        return [Handle(backend, id_) for id_ in push_lines(backend, [rows], conn)[0]]

    def each(self, jobs: Iterable[Said], conn: object | None) -> Sequence[Handle]:
        """Store many jobs, as they come."""
        backend, rows = self.rows(jobs)
        batch = joined(backend, conn)
        if batch is not None:
            return [handles[0] for handles in batch.add([[row] for row in rows], conn)]
        return Handles(backend, backend.push(rows, conn))

    def rows(self, jobs: Iterable[Said]) -> tuple[Backend, Iterator[NewJob]]:
        """What would be stored, and where."""
        backend = self.backend()
        rows = self._rows(jobs, backend.settings.max_args)
        return self._routed(backend, rows) if self.routes else (backend, rows)

    def _rows(self, jobs: Iterable[Said], max_args: int) -> Iterator[NewJob]:
        for number, (job, said) in enumerate(jobs, 1):
            try:
                row = new_job(kinds.of(job), job, said, self.name, max_args)
            except (NotAJob, NotSerializable, SettingsError) as error:
                raise type(error)(f"job {number:,} of these: {error}") from error
            yield row

    def _routed(self, backend: Backend, rows: Iterator[NewJob]) -> tuple[Backend, Iterator[NewJob]]:
        first = next(rows, None)
        if first is None:
            return backend, rows
        route = self.routes.get(first.queue)

        def routed() -> Iterator[NewJob]:
            for row in itertools.chain((first,), rows):
                if self.routes.get(row.queue) != route:
                    raise SettingsError(
                        "these jobs go to queues of different backends, so they cannot be pushed all or none: push "
                        "them apart"
                    )
                yield row if route is None else row._replace(queue=route.name)

        return backend if route is None else route.backend(), routed()
