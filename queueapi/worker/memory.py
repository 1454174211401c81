"""How much memory a process has."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def resident(pid: int) -> int:
    """The bytes of real memory that the process has; 0 if it is gone.

    From /proc where there is one, and from ``ps`` elsewhere: nothing that would have to be installed knows it better.
    """
    try:
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    except OSError:
        return 0 if Path("/proc/self/statm").exists() else _by_ps(pid)
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _by_ps(pid: int) -> int:
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return int(said.stdout or 0) * 1024
