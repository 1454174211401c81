"""Faye on Node (npm): its NodeAdapter with the engine in memory, its default."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.peers.peer import NodePeer
from benchmarks.peers.pushing import Server


class _Package(NodePeer):
    package = "faye"


class FayeNode(Server):
    name = "faye, Node"

    def __init__(self) -> None:
        self._node = _Package()

    def install(self, bench: Bench) -> str:
        return self._node.install(bench)

    def words(self, port: int) -> Sequence[str]:
        return self._node.words(str(port))


SERVERS = [FayeNode()]
