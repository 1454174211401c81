"""A client in a program of its own: told what to do by lines of JSON, it tells what happens in the same way."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PATIENCE = 40.0  # some clients wait for ten seconds before they try again


class Client:
    """One of them.

    Args:
        command: starts it. Its address is its last argument.
    """

    def __init__(self, command: Sequence[str | Path], url: str, **environ: str) -> None:
        self._process = subprocess.Popen(
            [*map(str, command), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        )
        self.told: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._errors = ""
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._hear, self._complain)]
        for thread in self._threads:
            thread.start()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            with self._news:
                self.told.append(told)
                self._news.notify_all()
        with self._news:
            self.told.append({"event": "gone"})
            self._news.notify_all()

    def _complain(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._errors += line

    # -- what it is told

    def do(self, what: str, **how: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **how}) + "\n")
        self._process.stdin.flush()

    def subscribe(self, channel: str) -> None:
        """And wait until it is."""
        self.do("subscribe", channel=channel)
        self.wait(lambda: any(told == {"event": "subscribed", "channel": channel} for told in self.told))

    def publish(self, channel: str, data: object) -> dict[str, Any]:
        """What became of it."""
        before = len(self.events("published", "failed"))
        self.do("publish", channel=channel, data=data)
        self.wait(lambda: len(self.events("published", "failed")) > before)
        return self.events("published", "failed")[before]

    # -- what it tells

    def events(self, *names: str) -> list[dict[str, Any]]:
        return [told for told in self.told if told["event"] in names]

    @property
    def messages(self) -> list[tuple[str, Any]]:
        """(channel, data) as they came."""
        return [(told["channel"], told["data"]) for told in self.events("message")]

    def data(self) -> list[Any]:
        return [data for _, data in self.messages]

    def wait(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Until that is so; asked whenever the client has told something."""
        with self._news:
            came = self._news.wait_for(condition, seconds)
        assert came, f"it never came to that: {self.told[-20:]}\n{self._errors[-2000:]}"

    def close(self) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            process.stdin.close()  # they end with it
        except BrokenPipeError:
            pass
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        for thread in self._threads:
            thread.join(10)
        process.stdout.close()
        process.stderr.close()
