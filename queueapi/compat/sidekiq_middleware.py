"""Sidekiq's two middleware chains: around a push, and around ``perform``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple


class _Entry(NamedTuple):
    given: Any
    call: Callable[..., Any]


class Middleware:
    """An ordered list; the first is the outermost. An entry is a class with ``call``, an object of one, or a function.

    It is called as ``call(worker, job, queue, go_on)``: with the worker, or on the client its class; the job's hash,
    which travels with what is put into it; the queue's name; and what goes on, whose result it returns.
    """

    def __init__(self) -> None:
        self._entries: tuple[_Entry, ...] = ()

    def add(self, given: Any, *args: Any, **kwargs: Any) -> None:
        """Put it last. What is in the chain already is taken out first, as Sidekiq does."""
        entry = _entry(given, args, kwargs)
        self.remove(given)
        self._entries = (*self._entries, entry)

    def prepend(self, given: Any, *args: Any, **kwargs: Any) -> None:
        """Put it first."""
        entry = _entry(given, args, kwargs)
        self.remove(given)
        self._entries = (entry, *self._entries)

    def insert_before(self, other: Any, given: Any, *args: Any, **kwargs: Any) -> None:
        """Put it before another; first, if that is not there."""
        self._insert(other, 0, _entry(given, args, kwargs))

    def insert_after(self, other: Any, given: Any, *args: Any, **kwargs: Any) -> None:
        """Put it behind another; last, if that is not there."""
        self._insert(other, 1, _entry(given, args, kwargs))

    def remove(self, given: Any) -> None:
        """Take it out, if it is in."""
        self._entries = tuple(entry for entry in self._entries if entry.given is not given)

    def exists(self, given: Any) -> bool:
        """Whether it is in."""
        return any(entry.given is given for entry in self._entries)

    def clear(self) -> None:
        """Take all out."""
        self._entries = ()

    def invoke(self, worker: Any, job: dict[str, Any], queue: str, inner: Callable[[], Any]) -> Any:
        """``inner()``, inside of all of them."""
        call = inner
        for entry in reversed(self._entries):
            call = partial(entry.call, worker, job, queue, call)
        return call()

    def _insert(self, other: Any, after: int, entry: _Entry) -> None:
        self.remove(entry.given)
        places = [place + after for place, old in enumerate(self._entries) if old.given is other]
        place = places[0] if places else after * len(self._entries)
        self._entries = (*self._entries[:place], entry, *self._entries[place:])


def _entry(given: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Entry:
    made = given(*args, **kwargs) if isinstance(given, type) else given
    call = getattr(made, "call", made)
    if not callable(call):
        raise TypeError(f"{given!r} is no middleware: it is no function, and has no call()")
    return _Entry(given, call)


client_middleware: Final = Middleware()
server_middleware: Final = Middleware()
