"""What the supervisor does when the system has no process for it. What else it does: tests/system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from queueapi.cli import work
sys.executable = "/nowhere/python"
sys.exit(work(["whatever", "-p", "2"]))
"""


@pytest.mark.system
def test_a_supervisor_that_can_start_no_process_says_so_and_can_be_stopped(dsn: str) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env={**os.environ, "DATABASE_URL": dsn}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert supervisor.stderr is not None
        assert "no worker process can be started: [Errno 2]" in supervisor.stderr.readline()
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(15) == 0
        assert "Traceback" not in supervisor.stderr.read()
    finally:
        supervisor.kill()
        supervisor.wait()
        supervisor.stderr.close()  # type: ignore[union-attr]
