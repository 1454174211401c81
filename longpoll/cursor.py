"""How far a browser has come: a snapshot of the log of messages, and the version of each job it was shown.

Sequence numbers become visible out of order, so "everything after number 17" loses messages. A snapshot says
exactly which transactions were seen. It is PostgreSQL's own ``pg_snapshot``: ``xmin:xmax:xip,xip`` sees every
transaction below xmax but those listed.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple, Self

# For the browser a cursor is opaque. None of its characters needs escaping in a URL, and all numbers count from xmin:
# a JSONP address is short.
_CURSOR: Final = re.compile(
    r"([\w-]{8})~(\d{1,19})\.(\d{1,19})\.((?:\d{1,19}(?:\*\d{1,19})*)?)~((?:-?\d{1,19}![\w-]{8}(?:\*-?\d{1,19}![\w-]{8})*)?)",
    re.ASCII,
)
# Cursors that are remembered, and characters up to which: thousands that heard the same message bring the same one.
_KEPT: Final = 1_000
_SHORT: Final = 200
JOINT: Final = "|"  # between cursors that a browser brings together
_LARGEST: Final = 2**63 - 1  # xids are compared as bigint
_LOWER_HALF: Final = 2**32 - 1


class Snapshot:
    """Which transactions somebody has seen. Immutable.

    Raises:
        ValueError: PostgreSQL would not take it for a snapshot.
    """

    __slots__ = ("text", "xips", "xmax", "xmin")

    def __init__(self, xmin: int, xmax: int, xips: Iterable[int] = ()) -> None:
        self.xmin = xmin
        self.xmax = xmax
        self.xips = frozenset(xips)
        # PostgreSQL has no xid whose lower half is zero. One snapshot that it refused would stop the read for all.
        whole = xmin & _LOWER_HALF and xmax & _LOWER_HALF and xmin <= xmax <= _LARGEST
        if not whole or any(not xmin <= xip < xmax for xip in self.xips):
            raise ValueError(f"{xmin}:{xmax} is no snapshot")
        self.text = f"{xmin}:{xmax}:{','.join(map(str, sorted(self.xips)))}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read PostgreSQL's text of it."""
        xmin, xmax, xips = text.split(":")
        return cls(int(xmin), int(xmax), (int(xip) for xip in xips.split(",") if xip))

    def __repr__(self) -> str:
        return f"<Snapshot {self.text}>"

    def sees(self, xid: int) -> bool:
        """Whether that transaction had committed."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.xips)

    def covers(self, other: Snapshot) -> bool:
        """Whether it sees all that the other sees. Of two that one server took, the later covers the earlier.

        Exact for what PostgreSQL takes, where the newest transaction below xmax has ended. Of a snapshot made up by
        somebody it may say no where yes were right, never the other way round.
        """
        if self.xmax < other.xmax:
            return False
        return self.xips <= other.xips or all(xip >= other.xmax or xip in other.xips for xip in self.xips)

    def common(self, other: Snapshot) -> Snapshot:
        """What sees all that both see, and nothing else."""
        xmax = min(self.xmax, other.xmax)
        return Snapshot(min(self.xmin, other.xmin), xmax, (xip for xip in self.xips | other.xips if xip < xmax))


class Cursor(NamedTuple):
    """A cursor that a browser brought back.

    Attributes:
        epoch: of the database that gave it out, see :func:`epoch_of`.
        versions: job id, or a batch's below zero -> :func:`version_of` the state last shown.
    """

    epoch: str
    snapshot: Snapshot
    versions: Mapping[int, str]


def encode(epoch: str, snapshot: Snapshot, versions: Mapping[int, str]) -> str:
    """The text that the browser carries."""
    xmin = snapshot.xmin
    xips = "*".join(str(xip - xmin) for xip in sorted(snapshot.xips))
    jobs = "*".join(f"{id_}!{version}" for id_, version in versions.items())
    return f"{epoch}~{xmin}.{snapshot.xmax - xmin}.{xips}~{jobs}"


def decode(text: str) -> Cursor | None:
    """The cursor, or None if this is none of ours: it cannot be honoured then, and that is said.

    Of several joined by ``|`` it is one for readers that go on together: what any of them has not seen, it has not.
    """
    return _kept(text) if len(text) <= _SHORT else _decode(text)


def _decode(text: str) -> Cursor | None:
    first, *more = (_decode_one(part) for part in text.split(JOINT))
    for other in more:
        if first is None or other is None or first.epoch != other.epoch:
            return None
        versions = dict(first.versions.items() & other.versions.items())
        first = Cursor(first.epoch, first.snapshot.common(other.snapshot), versions)
    return first


_kept = lru_cache(maxsize=_KEPT)(_decode)


def _decode_one(text: str) -> Cursor | None:
    parts = _CURSOR.fullmatch(text)
    if not parts:
        return None
    epoch, start, length, xips, jobs = parts.groups()
    xmin = int(start)
    try:
        snapshot = Snapshot(xmin, xmin + int(length), (xmin + int(xip) for xip in xips.split("*") if xip))
    except ValueError:
        return None
    pairs = (pair.split("!") for pair in jobs.split("*") if pair)
    return Cursor(epoch, snapshot, {int(id_): version for id_, version in pairs})


def epoch_of(name: str) -> str:
    """A short name for a database and its timeline: a snapshot means nothing to any other."""
    return _digest(name.encode())


def version_of(event: str, data: bytes) -> str:
    """Of a job's state: equal for equal states, on every node. 48 bits: two states of one job never collide."""
    return _digest(event.encode() + b"\0" + data)


def _digest(data: bytes) -> str:
    return urlsafe_b64encode(blake2b(data, digest_size=6).digest()).decode()
