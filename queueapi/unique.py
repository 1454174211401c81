"""Which jobs are the same: of those, one waits or runs at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from queueapi import serializer
from queueapi.errors import SettingsError
from queueapi.kinds import Kind
from queueapi.options import Options
from queueapi.records import Unique
from queueapi.times import seconds

_MORE = ("unique_until", "unique_for", "on_conflict")


def of(kind: Kind, job: object, said: Options, args: str) -> Unique | None:
    """What makes the job the same as another, if that is asked for.

    Raises:
        SettingsError: ``unique=`` names a field that the job has not, its function gives what cannot be compared, or
            more is said of it, but not that.
    """
    if said.unique is None:
        for name in _MORE:
            if getattr(said, name) is not None:
                raise SettingsError(f"{name}={getattr(said, name)!r} says nothing without unique=: what is the same?")
    if said.unique is None or said.unique is False:
        return None
    sameness = _sameness(kind, job, said.unique, args)
    if sameness is None:
        return None
    digest = hashlib.sha256(f"{kind.name}\n{sameness}".encode()).hexdigest()
    window = None if said.unique_for is None else seconds("unique_for", said.unique_for)
    return Unique(
        f"{said.unique_until or 'end'}:{kind.name[:60]}:{digest}",
        window or None,
        said.on_conflict or "skip",  # type: ignore[arg-type]
    )


def _sameness(kind: Kind, job: object, unique: Any, args: str) -> str | None:
    if callable(unique):
        value = unique(job)
        if value is None:
            return None
    else:
        value = _fields(kind, unique, args)
    try:
        # Sorted: a set has another order in every process.
        return msgspec.json.encode(value, order="sorted").decode()
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise SettingsError(
            f"the unique= of {kind.cls.__qualname__} gave a {type(value).__qualname__}, which cannot be compared: "
            f"{error}"
        ) from error


def _fields(kind: Kind, unique: Any, args: str) -> dict[str, Any]:
    # As a worker will read them: 1 and 1.0 are the same in a field that is declared as a float.
    fields = serializer.fields(kind, args)
    if unique is True:
        return fields
    names: Sequence[str] = [unique] if isinstance(unique, str) else unique
    if missing := [name for name in names if name not in fields]:
        raise SettingsError(
            f"unique={unique!r} names {missing[0]!r}, which is no field of {kind.cls.__qualname__}"
        )
    return {name: fields[name] for name in names}
