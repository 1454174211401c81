"""Which jobs are the same: of those, one waits or runs at a time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from queueapi.errors import SettingsError
from queueapi.kinds import Kind
from queueapi.options import Options
from queueapi.records import Unique
from queueapi.schedule import seconds

if TYPE_CHECKING:
    from collections.abc import Sequence


def of(kind: Kind, job: object, said: Options, args: str) -> Unique | None:
    """What makes the job the same as another, if that is asked for.

    Raises:
        SettingsError: ``unique=`` names a field that the job has not.
    """
    if said.unique is None or said.unique is False:
        return None
    until = said.unique_until or "end"
    same = f"{kind.name}\n{_sameness(said.unique, job, args)}".encode()
    window = None if said.unique_for is None else seconds("unique_for", said.unique_for)
    key = f"{until}:{kind.name[:60]}:{hashlib.sha256(same).hexdigest()}"
    return Unique(key, window, said.on_conflict or "skip")  # type: ignore[arg-type]


def _sameness(unique: Any, job: object, args: str) -> str:
    if unique is True:
        value: Any = msgspec.json.decode(args)
    elif callable(unique):
        value = unique(job)
    else:
        names: Sequence[str] = [unique] if isinstance(unique, str) else unique
        fields = msgspec.json.decode(args)
        if missing := [name for name in names if name not in fields]:
            name = type(job).__qualname__
            raise SettingsError(f"unique={unique!r} names {missing[0]!r}, which is no field of {name}")
        value = {name: fields[name] for name in names}
    return msgspec.json.encode(value, order="sorted").decode()
