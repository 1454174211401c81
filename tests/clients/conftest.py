"""What the tests of each dialect's clients share; ``world``, ``kind`` and ``start`` are their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.clients.client import Client
from tests.clients.relay import Relay
from tests.clients.world import World


@pytest.fixture
def relay(world: World) -> Iterator[Relay]:
    """A network before the node that serves."""
    relay = Relay(world.node.port)
    yield relay
    relay.close()


@pytest.fixture
def client(start: Callable[[], Client]) -> Client:
    return start()
