"""Nothing that the benchmark starts outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.processes import Processes
from benchmarks.warden import watch

_CHECKOUT = Path(__file__).parents[2]
# Starts a sleeper in a group of its own, freezes it, says its id, and waits to be killed.
_VICTIM = """
import pathlib, sys, time
from benchmarks.processes import Processes
with Processes(pathlib.Path(sys.argv[1])) as processes:
    process = processes.start("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
    process.freeze()
    print(process.pid, flush=True)
    time.sleep(60)
"""


def test_the_warden_knows_what_is_left() -> None:
    assert watch(["+10\n", "+20\n", "-10\n", "+30\n"]) == {20, 30}


@pytest.mark.system
def test_leaving_the_block_ends_what_runs_in_it(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        process = processes.start("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
        assert process.alive
    assert not process.alive


@pytest.mark.system
def test_a_command_that_ends_too_soon_is_quoted(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        process = processes.start("failing", [sys.executable, "-c", "import sys; sys.exit('no such table')"])
        with pytest.raises(BenchmarkError, match="failing did not say 'ready', but: no such table"):
            process.await_line("ready")


@pytest.mark.system
def test_what_was_frozen_is_killed_even_when_the_benchmark_is(tmp_path: Path) -> None:
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(tmp_path)], cwd=_CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert victim.stdout is not None
    sleeper = int(victim.stdout.readline())
    assert _exists(sleeper)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    deadline = time.monotonic() + 10
    while _exists(sleeper) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _exists(sleeper)


def _exists(pid: int) -> bool:
    """Whether it runs or is frozen; what is dead and not yet collected does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
