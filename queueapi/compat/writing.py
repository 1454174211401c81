"""How the arguments of a delayed call are written down: JSON as it is, objects by reference or by their fields.

What is not JSON is an object of one key that begins with ``$``: ``{"$ref": [name, key]}``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from queueapi.compat import locators
from queueapi.errors import NotSerializable, UnknownKind
from queueapi.kinds import address_of

C = TypeVar("C", bound=type)

_PLAIN: Final = (str, int, float, bool, type(None))
# Values with a text of their own.
_VALUES: Final[dict[str, type]] = {
    type_.__name__: type_ for type_ in (dt.datetime, dt.date, dt.time, dt.timedelta, Decimal, UUID)
}
_classes: Final[dict[str, type]] = {}


def known(cls: C) -> C:
    """Let the class itself travel by its name, and its objects by their fields, if it is a dataclass."""
    _classes[address_of(cls)] = cls
    return cls


def class_named(name: str) -> type:
    """The class that was made known under that name.

    Raises:
        UnknownKind: none was.
    """
    try:
        return _classes[name]
    except KeyError:
        raise UnknownKind(f"no class {name!r} was made delayable in a module that this process imported") from None


def written(value: Any, place: str = "it") -> Any:
    """The value, as JSON can carry it.

    Raises:
        NotSerializable: names the place, and what is there. A TypeError.
    """
    if type(value) in _PLAIN:
        return value
    if type(value) in (list, tuple):
        items = [written(item, f"{place}[{number}]") for number, item in enumerate(value)]
        return items if type(value) is list else {"$tuple": items}
    if type(value) is dict:
        return _written_dict(value, place)
    if type(value).__name__ in _VALUES and type(value) is _VALUES[type(value).__name__]:
        return {"$value": [type(value).__name__, msgspec.to_builtins(value, str_keys=True)]}
    named = locators.reference(value)
    if named is not None:
        return {"$ref": list(named)}
    return _written_object(value, place)


def _written_dict(value: dict[Any, Any], place: str) -> Any:
    plain = all(isinstance(key, str) and not key.startswith("$") for key in value)
    if plain:
        return {key: written(item, f"{place}[{key!r}]") for key, item in value.items()}
    return {"$dict": [[written(key, place), written(item, f"{place}[{key!r}]")] for key, item in value.items()]}


def _written_object(value: Any, place: str) -> Any:
    if isinstance(value, type):
        if _classes.get(address_of(value)) is value:
            return {"$class": address_of(value)}
    elif dataclasses.is_dataclass(value):
        name = address_of(type(value))
        if _classes.get(name) is type(value):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
            return {"$fields": [name, {key: written(item, f"{place}.{key}") for key, item in fields.items()}]}
        raise NotSerializable(f"{place} is a {name}, which no worker knows: put @delayable above the class")
    shown = f"the class {address_of(value)}" if isinstance(value, type) else f"a {address_of(type(value))}"
    raise NotSerializable(
        f"{place} is {shown}, which can be sent neither by reference, since no locator knows it, nor by its fields: "
        "register_locator, or make it a dataclass and @delayable"
    )


def read(value: Any) -> Any:
    """What was written.

    Raises:
        Gone: a record is not there any more.
        UnknownKind: this process does not know a class.
    """
    if isinstance(value, list):
        return [read(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((tag, what),) = value.items() if len(value) == 1 else ((None, None),)
    reader = _READERS.get(tag)
    return {key: read(item) for key, item in value.items()} if reader is None else reader(what)


def _read_fields(what: Any) -> Any:
    name, fields = what
    return class_named(name)(**{key: read(item) for key, item in fields.items()})


_READERS: Final[dict[str | None, Callable[[Any], Any]]] = {
    "$tuple": lambda what: tuple(read(item) for item in what),
    "$dict": lambda what: {read(key): read(item) for key, item in what},
    "$value": lambda what: msgspec.convert(what[1], _VALUES[what[0]]),
    "$ref": lambda what: locators.locate(what[0], what[1]),
    "$class": class_named,
    "$fields": _read_fields,
}
