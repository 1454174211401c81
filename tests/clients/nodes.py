"""``longpoll-serve`` in processes of its own, which may be killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECRET = "s" * 32
_READY = re.compile(r"ready.*: listening on http://127\.0\.0\.1:(\d+)$", re.MULTILINE)


class Node:
    """One of them, once it is ready."""

    def __init__(self, dsn: str, *words: str, **environ: str) -> None:
        strict = ["-W", "error", "-W", "ignore:unclosed <socket:ResourceWarning"]  # gevent's, when it is interrupted
        self.process = subprocess.Popen(
            [sys.executable, *strict, "-m", "longpoll", "--port", "0", *words],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "QUEUEAPI_SECRET": SECRET, "DATABASE_URL": dsn, **environ},
        )
        self.said = ""
        self._heard = threading.Event()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        assert self._heard.wait(60), "a node was not ready in a minute"
        ready = _READY.search(self.said)
        assert ready, self.said
        self.port = int(ready[1])

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line
            if _READY.search(line):
                self._heard.set()
        self._heard.set()

    @property
    def held(self) -> int:
        """How many requests it holds."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/healthz")
            return int(json.loads(connection.getresponse().read())["held"])
        finally:
            connection.close()

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As a deployment does; what it answers with."""
        self._end(signal.SIGTERM)
        assert self.process.returncode == 0, self.said

    def _end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait(30)
        self._listening.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
