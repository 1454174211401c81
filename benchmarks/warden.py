"""Kills what the benchmark started, if the benchmark itself cannot: a script, run as a process of its own.

It is told of process groups on its standard input, "+ID" when one starts and "-ID" when one has ended. The end of
the input means that the benchmark is gone, however it went: the groups still known are killed. Most of all those
that it had stopped with SIGSTOP, which would otherwise stand there for ever.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable


def watch(lines: Iterable[str]) -> set[int]:
    """Read until the end; the groups that are left."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(group)
    return groups


def main() -> None:
    """Watch, then kill."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for group in watch(sys.stdin):
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass


if __name__ == "__main__":
    main()
