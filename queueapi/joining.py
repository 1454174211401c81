"""A push in the with block of a batch: which batch it belongs to, and the handle that it gets until the block ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from queueapi import within
from queueapi.backends import Backend
from queueapi.errors import JobNotFound, SettingsError
from queueapi.handles import Handle
from queueapi.records import NewJob


class Collects(Protocol):
    """A batch, as a push sees it."""

    @property
    def backend(self) -> Backend:
        """What stands behind it."""

    def takes(self, backend: Backend, conn: object | None) -> bool:
        """Whether what is pushed here and now belongs to it, though nobody says so."""

    def add(self, lines: Sequence[Sequence[NewJob]], conn: object | None) -> list[list[Handle]]:
        """Store these rows as its jobs."""


class Awaited(Handle):
    """The handle of a job that is pushed at the end of a with block."""

    __slots__ = ()

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        if name == "id":  # not set yet
            raise JobNotFound("a job in a batch has no id before the end of the with block, where it is pushed")
        raise AttributeError(name)

    def __repr__(self) -> str:
        try:
            return super().__repr__()
        except JobNotFound:
            return "<Handle of a job in an open batch>"


class Into:
    """Within the block, what is pushed goes to that batch: it was said so."""

    def __init__(self, batch: Collects) -> None:
        self.batch = batch

    def __enter__(self) -> None:
        self._token = within.batch.set(self)

    def __exit__(self, *_: object) -> None:
        within.batch.reset(self._token)


def joined(backend: Backend, conn: object | None) -> Collects | None:
    """The batch that a push here and now belongs to.

    Raises:
        SettingsError: the job is pushed into a batch, and goes to another backend.
    """
    found = within.batch.get()
    if not isinstance(found, Into):
        return found if found is not None and found.takes(backend, conn) else None
    if found.batch.backend is not backend:
        raise SettingsError("the job goes to a queue of another backend than its batch: push it there, outside of it")
    return found.batch
