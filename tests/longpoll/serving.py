"""A ``longpoll-serve`` as people run it, and browsers that poll it over real sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from queueapi.signing import Signer

ROOT = Path(__file__).parents[2]
SECRET = "s" * 32
SIGNER = Signer(SECRET)


def ticket(id_: int) -> str:
    return SIGNER.sign("job", str(id_), 3600)


def start(*words: str, **environ: str) -> subprocess.Popen[str]:
    """Warnings are errors, and nothing of our own environment leaks in."""
    strict = ["-W", "error", "-W", "ignore:unclosed <socket:ResourceWarning"]  # gevent's, when it cannot bind
    return subprocess.Popen(
        [sys.executable, *strict, "-m", "longpoll", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "QUEUEAPI_SECRET": SECRET, **environ},
    )


def outcome(*words: str, **environ: str) -> tuple[int, str]:
    """(exit code, what was said to whoever started it) of one that does not get to serve."""
    process = start(*words, **environ)
    out, err = process.communicate(timeout=30)
    assert out == ""
    return process.returncode, err


class Browser:
    """One kept-alive connection and its cursor."""

    def __init__(self, port: int, *channels: str) -> None:
        self.port = port
        self.channels = channels
        self.cursor: str | None = None
        self.resets = 0
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, wait: float = 25) -> Browser:
        body = {"channels": self.channels, "cursor": self.cursor, "wait": wait}
        self._connection.request("POST", "/poll", json.dumps(body))
        return self

    def answer(self) -> list[tuple[str, Any]]:
        """Waits for the reply: (event, data) pairs."""
        response = self._connection.getresponse()
        body = json.loads(response.read())
        assert response.status == 200, body
        self.cursor = body["cursor"]
        self.resets += body["reset"]
        return [(message["event"], message["data"]) for message in body["messages"]]

    def poll(self, wait: float = 25) -> list[tuple[str, Any]]:
        return self.ask(wait).answer()

    def leave(self) -> None:
        self._connection.close()


class Service:
    """A longpoll-serve that is ready."""

    def __init__(self, dsn: str, *words: str, **environ: str) -> None:
        self.process = start("--port", "0", *words, DATABASE_URL=dsn, **environ)
        assert self.process.stderr
        ready = self.process.stderr.readline()
        found = re.search(r"ready[^:]*(?:: \d+ processes)?: listening on http://127\.0\.0\.1:(\d+)$", ready)
        assert found, ready + self.process.stderr.read()
        self.port = int(found[1])
        self._browsers: list[Browser] = []

    def browser(self, *channels: str) -> Browser:
        self._browsers.append(Browser(self.port, *channels))
        return self._browsers[-1]

    def get(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path)
        response = connection.getresponse()
        reply = response.status, response.read().decode()
        connection.close()
        return reply

    @property
    def held(self) -> int:
        status, body = self.get("/healthz")
        assert status == 200, body
        return int(json.loads(body)["held"])

    def end(self, how: signal.Signals = signal.SIGTERM) -> str:
        """Stops it; what it said."""
        if self.process.returncode is not None:
            return ""
        self.process.send_signal(how)
        try:
            said = self.process.communicate(timeout=20)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        for browser in self._browsers:
            browser.leave()
        assert self.process.returncode == 0, said
        return said
