"""How a job is written down, and read back: JSON by msgspec, checked at push by the very reader of the worker."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from queueapi.errors import NotSerializable
from queueapi.kinds import Kind

_encode = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical").encode


def dumps(kind: Kind, job: object, limit: int) -> str:
    """The job's fields as JSON.

    The text is read back with the worker's own decoder before it is given out, so that what a worker could not
    read is refused here, where the caller can still do something about it.

    Args:
        limit: the largest size, in bytes.

    Raises:
        NotSerializable: names the field, and what is wrong with it.
    """
    fields = _fields(kind, job)
    raw = _written(kind.cls.__qualname__, fields, limit, "store the data and pass its id")
    decoder = _decoder_or_refusal(kind)
    try:
        decoder.decode(raw)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$")
        where = f"{kind.cls.__qualname__}{_short(path.rstrip('`'))}"
        reason = _short(f"{sentence[0].lower()}{sentence[1:]}", 300)
        raise NotSerializable(f"{where} does not fit its declaration: {reason}") from None
    except RecursionError:
        raise NotSerializable(f"{kind.cls.__qualname__} is nested too deep to be read back") from None
    return raw.decode()


def loads(kind: Kind, args: str) -> Any:
    """The job object that the text stands for.

    Raises:
        msgspec.MsgspecError, RecursionError, ValueError, TypeError: it does not fit the class.
    """
    read = _decoder(kind.schema).decode(args)
    if kind.schema is kind.cls:
        return read
    return kind.cls(**{field.name: getattr(read, field.name) for field in dataclasses.fields(read)})


def fields(kind: Kind, args: str) -> dict[str, Any]:
    """The values of the job's fields, as a worker reads them."""
    read = _decoder(kind.schema).decode(args)
    return {name: getattr(read, name) for name in _declared(read) or ()}


def result_dumps(kind: Kind, result: object, limit: int) -> str | None:
    """A job's result as JSON; None for None.

    Raises:
        NotSerializable: names the place in the result.
    """
    if result is None:
        return None
    name = f"the result of {kind.cls.__qualname__}"
    return _written(name, result, limit, "store it where it belongs and return its id").decode()


def data_dumps(name: str, data: object, limit: int) -> str:
    """Anything else that goes to a browser, as JSON.

    Raises:
        NotSerializable: names the place in the data.
    """
    return _written(name, data, limit, "store it where it belongs and send its id").decode()


def error_dumps(type_: str, message: str, traceback: str | None = None) -> str:
    """An error as JSON that PostgreSQL takes, whatever was in it: this must not fail, it runs when things failed."""
    error = {"type": _clean(type_, 200), "message": _clean(message, 10_000)}
    if traceback is not None:
        error["traceback"] = _clean(traceback, 64_000)
    return _encode(error).decode()


def _clean(text: str, limit: int) -> str:
    if len(text) > limit:  # a traceback's end says more than its beginning
        text = f"… {text[-limit:]}"
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _fields(kind: Kind, job: object) -> object:
    if kind.schema is kind.cls:
        return job
    fields = {}
    for field in dataclasses.fields(kind.schema):
        if not hasattr(job, field.name):
            raise NotSerializable(
                f"{kind.cls.__qualname__} keeps no attribute {field.name!r} for the argument of that name: "
                f"set self.{field.name} in __init__, so that it can be stored"
            )
        fields[field.name] = getattr(job, field.name)
    return fields


def _written(name: str, value: object, limit: int, remedy: str) -> bytes:
    try:
        raw = _encode(value)
    except Exception as error:
        place, reason = next(_faults(value, ""), ("", str(error)))
        raise _fault(name, place, reason) from error
    # msgspec writes NaN as null and NUL as \u0000: only then is the slow walk needed.
    if b"null" in raw or b"\\u0000" in raw:
        for place, reason in _faults(value, ""):
            raise _fault(name, place, reason)
    if len(raw) > limit:
        raise NotSerializable(f"{name} takes {len(raw):,} bytes{_largest(value)}, and {limit:,} are allowed: {remedy}")
    return raw


def _fault(name: str, place: str, reason: str) -> NotSerializable:
    return NotSerializable(f"{name}{_short(place)} cannot be written down as JSON: {reason}")


def _short(text: str, limit: int = 100) -> str:
    """The text without its middle, if it is long: the way into a deep list is one bracket a level."""
    return text if len(text) <= limit else f"{text[: limit // 2]}…{text[-limit // 2 :]}"


def _largest(value: object) -> str:
    """Names the field, if one takes more than half of the room."""
    fields = value if isinstance(value, dict) else {name: getattr(value, name) for name in _declared(value) or ()}
    sizes = {name: len(_encode(field)) for name, field in fields.items()}
    name = max(sizes, key=sizes.__getitem__, default=None)
    return (
        f", most of them in {_short(str(name))}" if name is not None and sizes[name] * 2 > sum(sizes.values()) else ""
    )


def _decoder_or_refusal(kind: Kind) -> msgspec.json.Decoder[Any]:
    try:
        return _decoder(kind.schema)
    except (TypeError, NameError) as error:  # a declaration that names nothing, or types that JSON cannot tell apart
        raise NotSerializable(f"the fields of {kind.cls.__qualname__} could not be read back: {error}") from error


@lru_cache(maxsize=4096)
def _decoder(schema: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(schema)


def _faults(value: object, place: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """What in a value cannot be written down, and where: (".field[3]", reason)."""
    if depth > 100:
        yield place, "it is nested more than 100 deep, or contains itself"
    elif isinstance(value, float) and not math.isfinite(value):
        yield place, f"JSON has no {value}"
    elif isinstance(value, str):
        yield from _text_faults(value, place)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _key_faults(key, place)
            yield from _faults(item, f"{place}[{key!r}]", depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, item in enumerate(value):
            yield from _faults(item, f"{place}[{index}]", depth + 1)
    elif (names := _declared(value)) is not None:
        for name in names:
            yield from _faults(getattr(value, name, None), f"{place}.{name}", depth + 1)
    else:
        yield from _leaf_faults(value, place)


def _key_faults(key: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(key, str):
        yield from _text_faults(key, place)
        return
    try:
        _encode({key: None})
    except Exception:
        yield place, f"JSON objects have text for keys, and {_short(repr(key))} is none"


def _text_faults(text: str, place: str) -> Iterator[tuple[str, str]]:
    if "\0" in text:
        yield place, "PostgreSQL stores no NUL character in text"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        yield place, f"the character at {error.start} is half of a surrogate pair, which is not text"


def _leaf_faults(value: object, place: str) -> Iterator[tuple[str, str]]:
    try:
        _encode(value)
    except Exception as error:
        kind = type(value)
        reason = str(error) if isinstance(error, RecursionError) else f"it is a {kind.__module__}.{kind.__qualname__}"
        yield place, f"{reason}, which exists in this process only"


def _declared(value: object) -> list[str] | None:
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    names = getattr(value, "__struct_fields__", None)
    if names is None and hasattr(value, "__attrs_attrs__"):
        names = [attribute.name for attribute in value.__attrs_attrs__]
    return None if names is None else list(names)
