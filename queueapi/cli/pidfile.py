"""A file with the process's id in it, for those who send it signals."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from queueapi.errors import SettingsError


@contextmanager
def pid_file(name: str | None) -> Iterator[None]:
    """Keep the file for as long as the block runs; nothing without a name.

    What a killed process left behind is no obstacle: it is the lock that counts, not the file.

    Raises:
        SettingsError: another process has it, or it cannot be written.
    """
    if name is None:
        yield
        return
    try:
        fd = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise SettingsError(f"--pid-file {name} cannot be written: {error.strerror}") from error
    try:
        _lock(fd, name)
        os.truncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        try:
            yield
        finally:
            Path(name).unlink(missing_ok=True)
    finally:
        os.close(fd)


def _lock(fd: int, name: str) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        other = os.read(fd, 20).decode("ascii", "replace").strip()
        raise SettingsError(f"--pid-file {name} belongs to process {other}, which runs: stop that first") from None
