"""Faye in Ruby (Debian's ruby-faye) on Thin, which stands on EventMachine as Faye does: its engine in memory."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.peers.peer import HERE, RubyPeer
from benchmarks.peers.pushing import Server


class _Library(RubyPeer):
    library = "faye"
    package = "ruby-faye"


class FayeRuby(Server):
    name = "faye, Ruby"

    def __init__(self) -> None:
        self._ruby = _Library()

    def install(self, bench: Bench) -> str:
        bench.tools.program("thin", "thin")
        return self._ruby.install(bench)

    def words(self, port: int) -> Sequence[str]:
        thin = ["thin", "--rackup", str(HERE / "faye_ruby.ru"), "--address", "127.0.0.1", "--port", str(port)]
        return [
            *thin,
            "--max-conns",
            "16384",
            "--max-persistent-conns",
            "16384",
            "--timeout",
            "0",
            "-e",
            "production",
            "start",
        ]


SERVERS = [FayeRuby()]
