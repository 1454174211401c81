"""How many connections this process may have."""

from __future__ import annotations

import resource

# Kept back from the connections: log files, the database, the event loop, and a client that is being refused.
OWN_FILES = 256


def raise_open_files() -> int:
    """Raises the soft limit on open files to the hard one, and returns what then holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        # macOS reports a hard limit that it then refuses; the soft one still stands.
        return soft
    return hard


def connections_for(open_files: int) -> int:
    """How many connections fit into *open_files* descriptors; at least one."""
    if open_files == resource.RLIM_INFINITY:
        return 1 << 20
    return max(1, open_files - OWN_FILES)
