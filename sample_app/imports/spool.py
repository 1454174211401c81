"""Uploaded files on their way from the web process to a worker."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_CHUNK = 64 * 1024  # bytes; memory for an upload of any size


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Spooled:
    """A stored file. ``lines`` counts a last line without a line end, too."""

    path: Path
    size: int
    lines: int


def store(stream: Readable, directory: Path) -> Spooled:
    """Copy the stream into a new file, chunk by chunk.

    Raises:
        OSError: the directory cannot be written to, or the disk is full; nothing is left behind.
    """
    directory.mkdir(parents=True, exist_ok=True)
    # Our own name: what the browser calls the file is a label for people, never a path.
    path = directory / f"{secrets.token_hex(16)}.csv"
    size = lines = 0
    last = b"\n"
    try:
        with path.open("xb") as file:
            while chunk := stream.read(_CHUNK):
                file.write(chunk)
                size += len(chunk)
                lines += chunk.count(b"\n")
                last = chunk[-1:]
            # The job is committed to a disk next; what it reads should not be less durable.
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Spooled(path, size, lines + (last != b"\n"))
