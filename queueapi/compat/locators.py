"""How objects travel by reference: as a name and a key, to be found again by whoever runs the job.

Names are looked up among what was registered, never imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from queueapi.errors import NotSerializable, UnknownKind
from queueapi.kinds import address_of

# What stands for an object: a name and what JSON can carry.
Reference = tuple[str, Any]


class Gone(Exception):
    """The record that a job refers to is not there any more."""


class Locator(Protocol):
    """1. says how an object is referred to; 2. finds it again."""

    def reference(self, found: Any) -> Reference | None:
        """Name and key; None if the object is none of its own. NotSerializable if it cannot be found again."""

    def locate(self, name: str, key: Any) -> tuple[Any] | None:
        """The object, alone in a tuple; None if the name is none of its own. Gone if it is not there."""


class _Registered:
    """Objects of one class and those derived from it."""

    def __init__(self, cls: type, key: Callable[[Any], Any], find: Callable[[Any], Any], name: str) -> None:
        self._cls, self._key, self._find, self._name = cls, key, find, name

    def reference(self, found: Any) -> Reference | None:
        return (self._name, self._key(found)) if isinstance(found, self._cls) else None

    def locate(self, name: str, key: Any) -> tuple[Any] | None:
        if name != self._name:
            return None
        try:
            found = self._find(key)
        except LookupError as error:
            raise Gone(f"{self._cls.__qualname__} {key!r} is gone") from error
        if found is None:
            raise Gone(f"{self._cls.__qualname__} {key!r} is gone")
        return (found,)


class _SQLAlchemy:
    """The models of one declarative base, by primary key."""

    def __init__(self, base: Any, session: Any) -> None:
        self._base, self._session = base, session

    def reference(self, found: Any) -> Reference | None:
        if not isinstance(found, self._base):
            return None
        from sqlalchemy import inspect

        identity = inspect(found).identity
        if identity is None:
            raise NotSerializable(f"this {type(found).__qualname__} has no primary key yet: flush the session first")
        return address_of(type(found)), [str(part) if isinstance(part, UUID) else part for part in identity]

    def locate(self, name: str, key: Any) -> tuple[Any] | None:
        for mapper in self._base.registry.mappers:
            if address_of(mapper.class_) == name:
                types = [column.type.python_type for column in mapper.primary_key]
                identity = tuple(msgspec.convert(part, type_) for part, type_ in zip(key, types, strict=True))
                session = self._session if hasattr(self._session, "get") else self._session()
                found = session.get(mapper.class_, identity)
                if found is None:
                    raise Gone(f"{mapper.class_.__qualname__} {', '.join(map(str, identity))} is gone")
                return (found,)
        return None


class _Django:
    """All models of a Django project, by primary key and database."""

    def reference(self, found: Any) -> Reference | None:
        models = sys.modules.get("django.db.models")  # in a process without Django nothing is a model
        if models is None or not isinstance(found, models.Model):
            return None
        if found._state.adding or found.pk is None:
            raise NotSerializable(f"this {type(found).__qualname__} is not stored yet: save() it first")
        pk = str(found.pk) if isinstance(found.pk, UUID) else found.pk
        return f"django:{found._meta.label}", [found._state.db, pk]

    def locate(self, name: str, key: Any) -> tuple[Any] | None:
        if not name.startswith("django:"):
            return None
        from django.apps import apps

        try:
            model = apps.get_model(name.removeprefix("django:"))
        except LookupError:
            return None
        database, pk = key
        try:
            return (model._base_manager.using(database).get(pk=pk),)
        except model.DoesNotExist as error:
            raise Gone(f"{model.__qualname__} {pk} is gone") from error


_locators: Final[dict[str, Locator]] = {"django": _Django()}


def register_locator(
    cls: type, key: Callable[[Any], Any], find: Callable[[Any], Any], name: str | None = None
) -> None:
    """Let objects of that class travel by reference.

    Args:
        key: gives what JSON can carry of an object.
        find: gives the object of a key; None, or a LookupError, if it is gone.
        name: what stands in the rows; default ``module.Class``. Give one, and the class may move.
    """
    chosen = name or address_of(cls)
    _locators[chosen] = _Registered(cls, key, find, chosen)


def locate_sqlalchemy(base: Any, session: Any) -> None:
    """Let the models of a declarative base travel by their primary keys.

    Args:
        session: what a worker finds them with: a ``scoped_session``, or a function that gives a session. See
            :func:`queueapi.middleware.sqlalchemy.clean_session`.
    """
    _locators[f"sqlalchemy:{address_of(base)}"] = _SQLAlchemy(base, session)


def reference(found: Any) -> Reference | None:
    """Name and key of an object; None if no locator knows it."""
    for locator in _locators.values():
        if (named := locator.reference(found)) is not None:
            return named
    return None


def locate(name: str, key: Any) -> Any:
    """The object of that name and key.

    Raises:
        Gone: it is not there any more.
        UnknownKind: no locator of this process knows the name.
    """
    for locator in _locators.values():
        if (found := locator.locate(name, key)) is not None:
            return found[0]
    raise UnknownKind(f"no locator knows {name!r}: register it in a module that the worker imports")
