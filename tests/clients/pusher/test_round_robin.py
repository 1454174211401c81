"""Polls that reach another node each time, while nodes are killed: while a connection lasts, nothing is missing."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator

import pytest

from longpoll.log import Channels
from tests.clients.nodes import Node
from tests.clients.pusher.conftest import World
from tests.longpoll.conftest import until
from tests.longpoll.pusher_clients import Polls
from tests.longpoll.pusher_peer import ENVIRON

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

CLIENTS, MESSAGES, KILLS = 40, 1_500, 4
LAST = "the last"


class Roaming(threading.Thread):
    """Polls whichever node is next, and connects anew whenever a poll is cut or it is told to.

    Attributes:
        lives: what it has heard, by connection.
        is_listening: it has been told that it is subscribed, as it is now connected.
    """

    def __init__(self, ports: list[int], channel: str) -> None:
        super().__init__()
        self.ports = ports
        self.channel = channel
        self.lives: list[list[object]] = []
        self.is_listening = threading.Event()
        self.errors: list[BaseException] = []

    def run(self) -> None:
        try:
            while not self.lives or LAST not in self.lives[-1]:
                self._live()
        except BaseException as error:
            self.errors.append(error)

    def _live(self) -> None:
        self.is_listening.clear()
        polls = Polls(*self.ports)
        try:
            polls.open()
            polls.subscribed(self.channel)
            self.lives.append([])
            self.is_listening.set()
            while LAST not in self.lives[-1]:
                event, data = polls.event()
                if event == "closed":
                    return
                assert event == "said"
                self.lives[-1].append(data)
        except (http.client.HTTPException, OSError):
            return  # as clients do


@pytest.fixture
def nodes(world: World) -> Iterator[list[Node]]:
    nodes = [Node(world.server.dsn, **ENVIRON) for _ in range(3)]
    yield nodes
    for node in nodes:
        node.stop()


def test_every_connection_hears_all_from_its_first_message_to_its_last(
    world: World, nodes: list[Node], place: str
) -> None:
    ports = [node.port for node in nodes]
    clients = [Roaming(ports, place) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    until(lambda: all(client.is_listening.is_set() for client in clients), 60)
    channel = Channels(lambda: world.runtime)[place]
    for number in range(MESSAGES):
        channel.publish("said", number)
        if number % (MESSAGES // (KILLS + 1)) == 0 and number:
            nodes.pop(0).kill()
            del ports[0]
            nodes.append(Node(world.server.dsn, **ENVIRON))
            ports.append(nodes[-1].port)
    until(lambda: all(client.is_listening.is_set() for client in clients), 60)
    channel.publish("said", LAST)
    for client in clients:
        client.join(60)
        assert client.errors == []
    lives = [life for client in clients for life in client.lives]
    assert len(lives) > len(clients), "nobody was cut off"
    for life in lives:
        numbers = [one for one in life if isinstance(one, int)]
        assert numbers == list(range(*((numbers[0], numbers[-1] + 1) if numbers else (0,))))
    assert {client.lives[-1][-1] for client in clients} == {LAST}
