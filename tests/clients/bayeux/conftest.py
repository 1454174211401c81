"""Two nodes on one database, and a network before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pytest

from longpoll.log import Channels
from queueapi.embedded import EmbeddedPostgres
from queueapi.postgres.connection import connect
from queueapi.postgres.migrate import migrate
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.upkeep import Upkeep
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from tests.clients.bayeux.kinds import KINDS, Kind
from tests.clients.client import Client
from tests.clients.nodes import SECRET, Node
from tests.clients.relay import Relay

START = ["--publish", "/**"]


class World:
    """A database, a node that is served by, another that stands by, and who publishes."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self.runtime = Runtime(Settings(database_url=server.dsn, secrets=(SECRET,)))
        self._starting = ThreadPoolExecutor(1)
        self.node = self._start()
        self._spare: Future[Node] = self._starting.submit(self._start)

    def _start(self) -> Node:
        return Node(self.server.dsn, *START)

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


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with EmbeddedPostgres(Path(tmp_path_factory.mktemp("bayeux")) / "postgres", durable=False) as server:
        with connect(server.dsn, "tests", 5) as connection:
            migrate(connection, lambda _: None)
            Upkeep(Dedicated(lambda: connection)).partition()
        world = World(server)
        try:
            yield world
        finally:
            world.close()


@pytest.fixture
def relay(world: World) -> Iterator[Relay]:
    relay = Relay(world.node.port)
    yield relay
    relay.close()


@pytest.fixture(params=KINDS, ids=[kind.id for kind in KINDS])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def start(relay: Relay, kind: Kind) -> Iterator[Callable[[], Client]]:
    """Starts clients behind the network."""
    with ExitStack() as stack:

        def start() -> Client:
            client = kind.start(f"http://127.0.0.1:{relay.port}/faye")
            stack.callback(client.close)
            return client

        yield start


@pytest.fixture
def client(start: Callable[[], Client]) -> Client:
    return start()


@pytest.fixture
def place() -> str:
    """The name of a channel that no other test uses; as a path, below the root."""
    return f"/t{uuid4().hex[:12]}"
