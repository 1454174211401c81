"""The two chains: one around every push, one around every attempt.

Workers, SynchronousQueue and TestQueue all run jobs, and all queues push them, through these. They belong to the
process: say what is in them where the application is put together, in a module that web and worker both import.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from queueapi.errors import PushRefused

if TYPE_CHECKING:
    from queueapi.claims import Claimed

# (job, attempt, call) -> what call() returned. call() runs the job, with what else is in the chain around it.
AroundPerform = Callable[[Any, "Claimed", Callable[[], Any]], Any]
# (job, options, push) -> what push() returned. push(priority=5) says more than was said.
AroundPush = Callable[[Any, dict[str, Any], Callable[..., Any]], Any]
L = TypeVar("L", bound=Callable[..., Any])
R = TypeVar("R")

_running: contextvars.ContextVar[Claimed | None] = contextvars.ContextVar("queueapi_attempt", default=None)


class Chain:
    """Functions, each called with a function that calls the next; the first that was added is the outermost."""

    def __init__(self) -> None:
        self.links: tuple[Callable[..., Any], ...] = ()

    def add(self, link: L) -> L:
        """Put that inside of all others. What is in the chain already stays where it is."""
        if link not in self.links:
            self.links = (*self.links, link)
        return link

    def remove(self, link: Callable[..., Any]) -> None:
        """Take that out, if it is in."""
        self.links = tuple(other for other in self.links if other != link)


_performing: Final = Chain()
_pushing: Final = Chain()


def around_perform(function: L) -> L:
    """Have every attempt of this process run inside that function; also as a decorator.

    ::

        @queueapi.around_perform
        def measured(job, attempt, call):
            with statsd.timer(attempt.kind):
                return call()

    ``attempt`` says id, queue, kind, attempt, max_attempts. What the function returns is the job's result; what it
    raises is what the attempt ends of, and nothing else does. It may raise ``Snooze``, ``Discard`` and ``Retry``.
    Worker's own interruptions pass through it as a BaseException: let them.
    """
    return _performing.add(function)


def around_hooks(function: L) -> L:
    """Have that function stand around ``on_retry`` and ``on_dead``, too: for what they need as ``run()`` does, such as
    an application's context. Below :func:`around_perform`, which alone would leave them out: they are called when the
    attempt is over, and are none."""
    function.around_hooks = True  # type: ignore[attr-defined]
    return function


def around_push(function: L) -> L:
    """Have every push of this process go through that function; also as a decorator.

    ::

        @queueapi.around_push
        def small_fry_later(job, options, push):
            if tenant_of(job).free:
                return push(priority=100)
            return push()

    ``options`` are those of this push, the queue's name among them; those of the class are not. What is given to
    ``push`` wins over them. It returns the handle; in ``push_all``, which stores its jobs together when all are
    written down, None. What the function raises refuses the push, or all of the ``push_all``.
    """
    return _pushing.add(function)


def remove(function: Callable[..., Any]) -> None:
    """Undo :func:`around_perform` and :func:`around_push`."""
    _performing.remove(function)
    _pushing.remove(function)


def attempt() -> Claimed | None:
    """The attempt that this code runs in; None outside of a job."""
    return _running.get()


def perform(job: Any, claimed: Claimed) -> Any:
    """``job.run()``, inside of what is to be around it."""
    _running.set(claimed)
    call = job.run
    if _performing.links:
        for link in reversed(_performing.links):
            call = partial(link, job, claimed, call)
    return call()


def tell(job: Any, claimed: Claimed, hook: Callable[[], Any]) -> None:
    """Call the job's hook, inside of what is to be around hooks."""
    _running.set(claimed)
    call = hook
    for link in reversed(_performing.links):
        if getattr(link, "around_hooks", False):
            call = partial(link, job, claimed, call)
    call()


def push(job: object, queue: str | None, said: Mapping[str, Any], store: Callable[[Mapping[str, Any]], R]) -> R:
    """``store(said)``, inside of what is to be around it.

    Args:
        queue: the name that the queue itself is bound to.

    Raises:
        PushRefused: a function did not call the next.
    """
    links = _pushing.links
    if not links:
        return store(said)
    return _Push(job, store, links).go(0, {**said} if queue is None else {"queue": queue, **said})  # type: ignore[no-any-return]


def push_each(
    jobs: Iterable[object], queue: str | None, said: Mapping[str, Any]
) -> Iterator[tuple[object, Mapping[str, Any]]]:
    """The jobs, and what is said of each by what is around its push. ``said`` itself, if that is nothing more.

    Raises:
        PushRefused: a function did not call the next.
    """
    for job in jobs:
        found: list[Mapping[str, Any]] = []
        push(job, queue, said, found.append)
        for more in found:
            yield job, more


class _Push:
    """One push on its way through the chain."""

    def __init__(self, job: object, store: Callable[[Mapping[str, Any]], Any], links: tuple[AroundPush, ...]) -> None:
        self._job = job
        self._store = store
        self._links = links
        self._reached = 0

    def go(self, number: int, said: dict[str, Any]) -> Any:
        self._reached = max(self._reached, number)
        if number == len(self._links):
            return self._store(said)

        def further(**more: Any) -> Any:
            return self.go(number + 1, {**said, **more})

        link = self._links[number]
        result = link(self._job, dict(said), further)
        if self._reached <= number:
            name = getattr(link, "__qualname__", repr(link))
            raise PushRefused(f"{name} let no {type(self._job).__qualname__} be pushed: it did not call push()")
        return result
