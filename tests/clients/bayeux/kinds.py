"""The clients that there are, and how each is started."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.client import Client
from tests.clients.npm import installed

HERE = Path(__file__).parent


class Kind(NamedTuple):
    """One client over one transport.

    Attributes:
        counts: it counts the answers that it gets, so that nothing comes twice.
        repeats: what it did not get an answer to, it sends again under the same number; a client that neither counts
            nor repeats loses what was on its way when its connection broke.
    """

    name: str
    transport: str
    counts: bool
    repeats: bool

    @property
    def id(self) -> str:
        return f"{self.name}-{'websocket' if self.transport == 'websocket' else 'polling'}"

    def start(self, url: str) -> Client:
        """The client, or a skipped test where it cannot be had."""
        library, _, version = self.name.partition("-")
        if library == "faye" and version != "ruby":
            return Client(["node", HERE / "faye.js", self.name, self.transport], url, CLIENTS=str(installed(HERE)))
        if library == "cometd":
            return Client(["node", HERE / "cometd.mjs", version, self.transport], url, CLIENTS=str(installed(HERE)))
        if version == "ruby":
            _need_ruby()
            return Client(["ruby", HERE / "faye.rb", self.transport], url)
        if importlib.util.find_spec("aiocometd_ng") is None:
            pytest.skip("aiocometd-ng is not installed")
        return Client([sys.executable, HERE / "aio.py", self.transport], url)


KINDS = [
    Kind(name, transport, counts=name.startswith("cometd"), repeats=name.startswith("faye"))
    for name in ("faye-1.4.3", "faye-1.4.0", "faye-ruby", "cometd-9", "cometd-5", "aiocometd")
    for transport in ("websocket", "long-polling")
]


@cache
def _need_ruby() -> None:
    if shutil.which("ruby") is None:
        pytest.skip("there is no ruby here")
    if subprocess.run(["ruby", "-e", "require 'faye'"], capture_output=True).returncode:
        pytest.skip("ruby has no faye here: on Debian, apt-get install ruby-faye")
