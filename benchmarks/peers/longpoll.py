"""longpoll-serve: in one process and in two, by the native dialect and by Faye's."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from benchmarks.bench import Bench
from benchmarks.peers.pushing import Server

SECRET = secrets.token_urlsafe(32)


class LongPoll(Server):
    """
    Args:
        dsn: a migrated database; without it one is made when it is first started.
    """

    ours = True

    def __init__(self, processes: int, protocol: Literal["native", "bayeux"], dsn: str = "") -> None:
        self.processes, self.protocol = processes, protocol
        spoken = "" if protocol == "native" else ", Faye's protocol"
        self.name = f"longpoll × {processes}{spoken}"
        self._dsn = dsn

    def install(self, bench: Bench) -> str:
        import queueapi

        return queueapi.__version__

    def words(self, port: int) -> Sequence[str]:
        script = Path(sys.executable).with_name("longpoll-serve")
        # One machine plays ten thousand browsers, which the limits of one address are not made for.
        limits = ["--limit", "connections=100000", "--limit", "channel_messages=100000"]
        options = ["--host", "127.0.0.1", "--port", str(port), "--processes", str(self.processes), *limits]
        return [str(script), *options, "--publish", "/**"]

    def environment(self, bench: Bench) -> dict[str, str]:
        self._dsn = self._dsn or database(bench, self.name)
        return {"DATABASE_URL": self._dsn, "QUEUEAPI_SECRET": SECRET}

    def publish(self, port: int, channel: str, data: Any) -> None:
        """As an application does: a row of the log."""
        from longpoll import Channels
        from queueapi.runtime import Runtime
        from queueapi.settings import Settings

        runtime = Runtime(Settings(database_url=self._dsn))
        try:
            Channels(lambda: runtime)[channel].trigger("message", data)
        finally:
            runtime.pool.close()


SERVERS = [LongPoll(processes, protocol) for protocol in ("native", "bayeux") for processes in (1, 2)]


def database(bench: Bench, name: str) -> str:
    """A migrated one."""
    from benchmarks.peers.ours import migrated

    dsn = bench.database("".join(letter if letter.isalnum() else "_" for letter in name.lower()))
    migrated(dsn)
    return dsn
