"""Two nodes on one database, of which one serves and the other stands by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from longpoll.log import Channels
from queueapi.embedded import EmbeddedPostgres
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from tests.clients.nodes import SECRET, Node
from tests.conftest import migrated


class World:
    """A database, a node that is served by, another that stands by, and who publishes."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self.runtime = Runtime(Settings(database_url=server.dsn, secrets=(SECRET,)))
        self._starting = ThreadPoolExecutor(1)
        self.node = self._start()
        self._spare: Future[Node] = self._starting.submit(self._start)

    def _start(self) -> Node:
        raise NotImplementedError

    @property
    def spare(self) -> Node:
        """The node that stands by."""
        return self._spare.result()

    def replace(self, end: Callable[[Node], None]) -> Node:
        """The node ends like that, and the other serves."""
        spare = self.spare
        end(self.node)
        self.node, self._spare = spare, self._starting.submit(self._start)
        return self.node

    def restart_database(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """While nobody is about to connect for the first time, who would give up. Immediate: it crashes."""
        assert self.spare.port
        self.server.restart(mode)

    def publish(self, channel: str, *numbers: int, event: str = "message") -> None:
        """By the application, a message for each."""
        for number in numbers:
            Channels(lambda: self.runtime)[channel].publish(event, {"n": number})

    def close(self) -> None:
        for node in (self.node, self.spare):
            node.stop()
        self._starting.shutdown()
        self.runtime.pool.close()


W = TypeVar("W", bound=World)


@contextmanager
def opened(make: Callable[[EmbeddedPostgres], W], folder: Path) -> Iterator[W]:
    """A world on a server of its own, for the block."""
    with EmbeddedPostgres(folder / "postgres", durable=False) as server:
        migrated(server.dsn)
        world = make(server)
        try:
            yield world
        finally:
            world.close()
