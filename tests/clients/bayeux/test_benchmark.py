"""What Faye's own example for node does: two clients answer each other a thousand times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.bayeux.conftest import START, World
from tests.clients.bayeux.kinds import HERE
from tests.clients.client import Client
from tests.clients.nodes import Node
from tests.clients.npm import installed

pytestmark = pytest.mark.system

ROUNDS = 1_000
FREELY = [
    "--limit",
    "client_messages=100000",
    "--limit",
    "address_messages=100000",
    "--limit",
    "channel_messages=100000",
]


@pytest.fixture
def node(world: World) -> Iterator[Node]:
    node = Node(world.server.dsn, *START, *FREELY)
    yield node
    node.stop()


@pytest.mark.parametrize("package", ["faye-1.4.3", "faye-1.4.0"])
def test_two_clients_answer_each_other_a_thousand_times(node: Node, package: str) -> None:
    where = installed(HERE)
    command: list[str | Path] = ["node", HERE / "pingpong.js", package, str(ROUNDS)]
    client = Client(command, f"http://127.0.0.1:{node.port}/faye", CLIENTS=str(where))
    try:
        client.wait(lambda: client.events("done", "failed"), 100)
        (told,) = client.events("done", "failed")
        assert told["event"] == "done", told
        assert told["rounds"] == ROUNDS
        print(f"{package}: {ROUNDS} rounds in {told['milliseconds']} ms")
    finally:
        client.close()
