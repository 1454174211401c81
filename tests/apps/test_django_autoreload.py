"""Django's development server, which starts anew when a file changes, goes on pushing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from queueapi import Queue

HERE = Path(__file__).parent

pytestmark = pytest.mark.system


def test_runserver_pushes_before_and_after_it_reloads(queue: Queue, dsn: str, tmp_path: Path) -> None:
    project = tmp_path / "django_shop"
    shutil.copytree(HERE / "django_shop", project, ignore=shutil.ignore_patterns("__pycache__"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "runserver.log"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "DATABASE_URL": dsn, "PYTHONUNBUFFERED": "1"}
    line = [sys.executable, "-m", "django", "runserver", f"127.0.0.1:{port}", "--settings=django_shop.settings"]
    with log.open("wb") as file:
        server = subprocess.Popen(
            line, env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip
    try:
        first = _until(lambda: _get(port), log)
        assert queue.size() == 1
        tasks = project / "tasks.py"
        tasks.write_text(tasks.read_text() + "\n# changed\n")
        second = _until(lambda: _another(_get(port), first["pid"]), log)
        assert second["pid"] != first["pid"]
        assert queue.size() >= 2  # more, if it answered once more before it went
        assert "reloading" in log.read_text()
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(10)


def _get(port: int) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/push", timeout=5) as response:
            found: dict[str, Any] = json.load(response)
            return found
    except OSError:  # not yet, or not just now
        return None


def _another(found: dict[str, Any] | None, pid: int) -> dict[str, Any] | None:
    return None if found is None or found["pid"] == pid else found


def _until(look: Callable[[], dict[str, Any] | None], log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 40
    while (found := look()) is None:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    return found
