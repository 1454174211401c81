"""A child that does not outlive its parent, even when the parent is SIGKILLed.

1. ``spawn`` starts this file as a small script, which
2. becomes the account that it should be,
3. asks the kernel for a signal at its parent's death,
4. ends, if the parent died before that,
5. and turns into the command.

Not by ``preexec_fn``: that runs Python between fork and exec, where another thread's lock stays held.

Only Linux sends such a signal. Elsewhere step 3 is left out: a parent that stops in order still takes its
children along, but a SIGKILLed one leaves them running.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, NamedTuple

_PR_SET_PDEATHSIG = 1
_SAME = -1


class Account(NamedTuple):
    """Whom a process runs as; numbers, for a container's user need not have a name."""

    uid: int
    gid: int


def spawn(
    command: Sequence[str | os.PathLike[str]],
    farewell: signal.Signals,
    account: Account | None = None,
    **popen: Any,
) -> subprocess.Popen[bytes]:
    """Start ``command``, which gets the signal ``farewell`` when this process dies.

    Args:
        account: whom to run it as; only root can choose. Its supplementary groups are dropped.
        popen: what ``subprocess.Popen`` takes.

    Raises:
        OSError: the interpreter that prepares the way cannot be started. If ``command`` itself cannot, the
            exit status is 127 and its stderr says why.
    """
    uid, gid = account or Account(_SAME, _SAME)
    words = [os.getpid(), int(farewell), uid, gid, *(os.fspath(word) for word in command)]
    line = [sys.executable, "-I", "-S", __file__, *map(str, words)]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(line, **popen)  # noqa: S603 # the words are the caller's, and no shell reads them

    return _forker(os.getpid()).submit(start).result()


@functools.cache
def _forker(_pid: int) -> Executor:
    """The thread that forks: the kernel takes the end of the forking *thread* for the parent's death.

    Whoever called ``spawn`` in a short-lived thread would lose the child with it. This one lives as long as
    the process, and a forked copy of the process, which inherits no threads, gets another.
    """
    return ThreadPoolExecutor(1, "tether")


def tie_to_parent(farewell: signal.Signals) -> None:
    """Have this process get ``farewell`` when its parent dies, where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(farewell), 0, 0, 0)


def _become(parent: int, farewell: int, account: Account, command: list[str]) -> None:
    if account.uid != _SAME:
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)
    tie_to_parent(signal.Signals(farewell))  # after setuid, which forgets it
    if os.getppid() != parent:
        sys.exit(f"{command[0]} was not started: process {parent}, which wanted it, is gone")
    try:
        os.execv(command[0], command)  # noqa: S606 # no shell, on purpose
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    _parent, _farewell, _uid, _gid = map(int, sys.argv[1:5])
    _become(_parent, _farewell, Account(_uid, _gid), sys.argv[5:])
