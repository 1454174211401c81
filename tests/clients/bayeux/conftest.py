"""Two nodes that serve Bayeux's clients, and a network before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from tests.clients.bayeux.kinds import KINDS, Kind
from tests.clients.client import Client
from tests.clients.nodes import Node
from tests.clients.relay import Relay
from tests.clients.world import World as AnyWorld
from tests.clients.world import opened

START = ["--publish", "/**"]


class World(AnyWorld):
    """Two nodes where everybody may publish."""

    def _start(self) -> Node:
        return Node(self.server.dsn, *START)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened(World, tmp_path_factory.mktemp("bayeux")) as world:
        yield world


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
def place() -> str:
    """The name of a channel that no other test uses; as a path, below the root."""
    return f"/t{uuid4().hex[:12]}"
