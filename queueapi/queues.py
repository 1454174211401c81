"""Where jobs are pushed: ``queue.push(job)``, ``queue['mail'].push(job)``; and what comes back, a handle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack

from queueapi.borrowing import borrowed
from queueapi.errors import SettingsError
from queueapi.kinds import kinds
from queueapi.later import Later
from queueapi.middleware import chain
from queueapi.names import checked_name
from queueapi.options import Pushed, options

if TYPE_CHECKING:
    from queueapi import backends, batches, chains, controls, deaths, foreign, pushing, serializer
    from queueapi.backends import Backend, Route
    from queueapi.batches import OpenBatch
    from queueapi.consumers import Runner, ThreadedQueueConsumer
    from queueapi.controls import Controls
    from queueapi.deaths import Dead
    from queueapi.foreign import Pushes
    from queueapi.handles import Handle
    from queueapi.pushing import Pushing
    from queueapi.records import NewJob
else:
    backends, batches, chains = Later("queueapi.backends"), Later("queueapi.batches"), Later("queueapi.chains")
    controls, deaths, foreign = Later("queueapi.controls"), Later("queueapi.deaths"), Later("queueapi.foreign")
    pushing, serializer = Later("queueapi.pushing"), Later("queueapi.serializer")


class Queue:
    """A named list of jobs. Cheap to make, safe to share between threads, greenlets and forked processes.

    ``queue['mail']`` is the same queue under another name: a bound copy. ``queue['mail'] = other`` puts another
    queue, or any object with ``push(job)``, behind that name: for this queue and all its bound copies, made before or
    after, and whether the name comes from them, from the push or from the job's class. So on ``queueapi.queue``,
    which is the process's own, it holds in the whole process: say it where the application is put together.
    ``del queue['mail']`` undoes it.

    Without a name, jobs go to the queue that their class says, or to ``default``; and what looks at waiting jobs
    looks at all of them.

    Args:
        backend: called at the first use; nothing is connected before.
        name: the queue that jobs go to, whatever their class says.
    """

    def __init__(
        self, backend: Callable[[], Backend], name: str | None = None, routes: dict[str, Route] | None = None
    ) -> None:
        self._backend = backend
        self._routes: dict[str, Route] = {} if routes is None else routes
        self.name = name
        self._made: Pushing | None = None

    def __repr__(self) -> str:
        return f"<Queue {self.name or 'default'}>"

    def __getitem__(self, name: str) -> Queue:
        return Queue(self._backend, checked_name("queue", name), self._routes)

    def __setitem__(self, name: str, other: Queue | Pushes) -> None:
        if self.name is not None:
            raise SettingsError(f"{self!r} is one name of a queue: assign on the queue itself,  queue[{name!r}] = …")
        checked_name("queue", name)
        if isinstance(other, Queue):
            self._routes[name] = backends.Route(other._backend, other.name or name)
        else:
            behind = foreign.Foreign(other)
            self._routes[name] = backends.Route(lambda: behind, name)

    def __delitem__(self, name: str) -> None:
        self._routes.pop(name, None)

    def push(
        self,
        job: object,
        *,
        then: Sequence[object] = (),
        conn: object | None = None,
        session: object | None = None,
        **said: Unpack[Pushed],
    ) -> Handle:
        """Store a job, to be run by a worker.

        What is said here wins over ``queue['name']``, and that over the job's class.

        Args:
            job: an object of a registered kind.
            then: jobs that follow it, one after the other: see :meth:`chain`, which has their handles.
            conn: a psycopg connection: the job exists if and only if its transaction commits.
            session: the same for a session of SQLAlchemy.
            queue, priority, max_attempts: see :class:`queueapi.Job`.
            run_at: not before this time; with a timezone.
            delay: not before so many seconds from now.
            expires_in, unique, timeout, keep_result, …: see :class:`queueapi.options.Pushed`.

        Raises:
            NotAJob: its class is not registered. A TypeError.
            NotSerializable: it holds what JSON cannot carry. A TypeError; names the field.
            SettingsError: an option is out of range. A ValueError.
            NotUnique: the same job is there, as ``unique=`` says, and that is not to be passed over.
            TransactionConflict: the transaction of ``conn`` cannot see what its job conflicts with: begin it anew.
            StoreUnavailable: PostgreSQL is away. A ConnectionError.
        """
        if then:
            return self.chain(job, *then, conn=conn, session=session, **said)[0]
        if conn is not None or session is not None:
            conn = borrowed(conn, session)

        def store(said: Mapping[str, Any]) -> Handle:
            return self._pushing().one(job, options(said), conn)

        return chain.push(job, self.name, said, store)

    def chain(
        self, first: object, *then: object, conn: object | None = None, session: object | None = None, **said: Any
    ) -> list[Handle]:
        """Store jobs of which each begins when the one before it is done; ``queueapi.previous()`` is that one's result.

        Options hold for all of them, but those of time and ``unique`` for the first. If one dies, the rest waits until
        it is retried and done; if one is cancelled or given up, so is the rest. If the first is ``unique`` and there
        already, nothing is stored, and the one handle is of that job.
        """
        conn = borrowed(conn, session)

        def store(more: Mapping[str, Any]) -> list[Handle]:
            return self._pushing().line([(first, options(more)), *chains.followers(then, self.name, said)], conn)

        return chain.push(first, self.name, said, store)

    def batch(
        self,
        on_success: object = None,
        on_complete: object = None,
        *,
        conn: object | None = None,
        session: object | None = None,
    ) -> OpenBatch:
        """Many jobs with one end: ``with queue.batch(on_success=Report()) as batch:``. See :class:`queueapi.Batch`.

        Args:
            on_complete: a job, or several, to push when every job has an outcome.
            on_success: when every job is done; of those that died, after a retry.
            conn, session: the batch and its jobs exist if and only if that transaction commits.
        """
        return batches.OpenBatch(self, self._target()[0], on_success, on_complete, borrowed(conn, session))

    def enq(self, job: object, **said: Any) -> Handle:
        """As :meth:`push`, and through it."""
        return self.push(job, **said)

    def __lshift__(self, job: object) -> Handle:
        return self.push(job)

    def push_all(
        self,
        jobs: Iterable[object],
        *,
        conn: object | None = None,
        session: object | None = None,
        **said: Unpack[Pushed],
    ) -> Sequence[Handle]:
        """Store many jobs, all or none, in the order given. Options and errors as :meth:`push`.

        Takes them as they come, a few thousand at a time, in one transaction: a generator of any length may make them,
        also of what it reads on ``conn`` meanwhile. The handles are a sequence that makes each when it is asked for.
        """
        usual = options(said)
        pairs = chain.push_each(jobs, self.name, said)
        return self._pushing().each(
            ((job, usual if more is said else options(more)) for job, more in pairs), borrowed(conn, session)
        )

    def callbacks(self, given: object) -> list[NewJob]:
        """The rows of a batch's callback: a job, several, or none.

        Raises:
            SettingsError: they go to another backend than the batch.
        """
        jobs = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
        pairs = ((job, options(said)) for job, said in chain.push_each(jobs, self.name, {}))
        backend, rows = self._pushing().rows(pairs)
        if jobs and backend is not self._target()[0]:
            raise SettingsError("callbacks go where their batch is, and these go to a queue of another backend")
        return list(rows)

    @property
    def backend(self) -> Callable[[], Backend]:
        """Makes, or has, what stands behind the queue."""
        return self._backend

    def dead(self) -> Dead:
        """The dead jobs: to look at, to retry or to discard. Without a name, those of every queue."""
        return deaths.Dead(*self._target())

    # -- the names of Rails 4 and of Python's queues

    def size(self) -> int:
        """How many jobs wait: available, scheduled or blocked, not yet claimed."""
        backend, name = self._target()
        return backend.size(name)

    __len__ = size
    __iter__ = None  # or Python would try queue[0]

    def __bool__(self) -> bool:
        return True  # ``if queue:`` asks whether there is one, not what is in it

    def empty(self) -> bool:
        """Whether no job waits."""
        return self.size() == 0

    @property
    def jobs(self) -> list[Any]:
        """Copies of the jobs that wait, read back as a worker would, in the order in which they would run.

        All of them: on a production queue look at :meth:`size` first. Raises UnknownKind if this process does not
        know one of them.
        """
        backend, name = self._target()
        return [serializer.loads(kinds.named(kind), args) for kind, args in backend.waiting(name)]

    def clear(self) -> int:
        """Discard the jobs that wait; how many that were. Each is recorded as cancelled, with that reason.

        Raises:
            SettingsError: on PostgreSQL, without a name: that would be the jobs of everybody.
        """
        backend, name = self._target()
        return backend.clear(name, serializer.error_dumps("Cleared", f"{self!r} was cleared"))

    def pop(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take the next job that is due. Whoever takes it runs it; its handle says ``running`` from then on.

        Args:
            block: wait until there is one.
            timeout: for so many seconds at most.

        Raises:
            QueueEmpty: there is none. Python's own ``queue.Empty``.
            NotOffered: on PostgreSQL. A job is taken with a lease, which only a worker keeps up: without one it would
                be lost with this process.
        """
        claimed = self.runner("pop").take(self._target()[1], timeout if block else 0.0)
        return serializer.loads(kinds.named(claimed.kind), claimed.args)

    def drain(self) -> int:
        """Run all jobs that wait, scheduled ones too, in this thread; how many that were.

        Each is tried once, by the workers' executor. What a job raises is raised here: that job is dead, and the rest
        still wait.

        Raises:
            NotOffered: on PostgreSQL: there it is  queueapi-work MODULE --burst.
        """
        return self.runner("drain").drain(self._target()[1])

    @property
    def consumer(self) -> ThreadedQueueConsumer:
        """What runs the jobs in a thread of this process. NotOffered on PostgreSQL: there it is ``queueapi-work``."""
        backend, name = self._target()
        return backend.runner("start").consumer(Queue(lambda: backend, name))

    def start(self) -> Self:
        """Start the consumer."""
        self.consumer.start()
        return self

    def shutdown(self, timeout: float | None = None) -> bool:
        """Let the consumer run what is due, and end it."""
        return self.consumer.shutdown(timeout)

    def handle_exception(self, job: Any, exception: BaseException) -> None:
        """What the consumer does with an exception."""
        self.consumer.handle_exception(job, exception)

    # -- on PostgreSQL, for all who work there

    def pause(self) -> bool:
        """Let none of its jobs begin any more, on any worker, until :meth:`resume`; False if it was so already.

        What runs goes on; what a worker has fetched ahead may still begin, for a tenth of a second. Pushes are taken.

        Raises:
            SettingsError: without a name. NotOffered: for queues of one process.
        """
        return self._switch("pause").pause("queue", self._target()[1] or "")

    def resume(self) -> bool:
        """Let its jobs begin again; False if it was not paused."""
        return self._switch("resume").resume("queue", self._target()[1] or "")

    def _switch(self, doing: str) -> Controls:
        backend, name = self._target()
        if name is None:
            raise SettingsError(f"{doing}() is for a queue with a name, as in  queue['mail'].{doing}()")
        return controls.controls_of(backend, f"{doing}()")

    def _pushing(self) -> Pushing:
        if self._made is None:
            self._made = pushing.Pushing(self._backend, self.name, self._routes)
        return self._made

    def runner(self, doing: str) -> Runner:
        """What runs the jobs of this queue in this process."""
        return self._target()[0].runner(doing)

    def _target(self) -> tuple[Backend, str | None]:
        route = self._routes.get(self.name) if self.name else None
        return (self._backend(), self.name) if route is None else (route.backend(), route.name)
