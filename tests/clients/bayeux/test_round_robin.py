"""Two nodes, each request of a client to the other one, and a node killed every three seconds: nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from longpoll.log import Channels
from tests.clients.bayeux.conftest import START, World
from tests.clients.bayeux.wire import WireClient
from tests.clients.nodes import Node

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

CLIENTS, ROOMS, MESSAGES = 200, 10, 5_000
EVERY = 3.0  # seconds between two kills
KILLS = 4  # at least; some of the messages are published between each two


class Pair:
    """Two nodes, of which one is killed now and then, and another takes its place."""

    def __init__(self, world: World) -> None:
        self._dsn = world.server.dsn
        self._nodes = [Node(self._dsn, *START) for _ in range(2)]
        self.ports = [node.port for node in self._nodes]
        self.killed = 0

    async def disturb(self) -> None:
        """Until cancelled."""
        for turn in count():
            await asyncio.sleep(EVERY)
            await asyncio.to_thread(self._replace, turn % 2)

    def _replace(self, which: int) -> None:
        self._nodes[which].kill()
        self.killed += 1
        self._nodes[which] = Node(self._dsn, *START)
        self.ports[which] = self._nodes[which].port

    def close(self) -> None:
        for node in self._nodes:
            node.stop()


@pytest.fixture
def pair(world: World) -> Iterator[Pair]:
    pair = Pair(world)
    yield pair
    pair.close()


def test_two_hundred_clients_get_five_thousand_messages_while_nodes_die(world: World, pair: Pair) -> None:
    clients = [WireClient(pair.ports, turn) for turn in range(CLIENTS)]
    rooms = [f"rr.room{room}" for room in range(ROOMS)]
    channels = Channels(lambda: world.runtime)

    def publish(part: int) -> None:
        for number in range(part * MESSAGES // KILLS, (part + 1) * MESSAGES // KILLS):
            channels[rooms[number % ROOMS]].publish("message", number)

    async def run() -> None:
        await asyncio.gather(*(client.listen(f"/rr/room{turn % ROOMS}") for turn, client in enumerate(clients)))
        following = [asyncio.create_task(client.follow()) for client in clients]
        disturbing = asyncio.create_task(pair.disturb())
        for part in range(KILLS):
            await asyncio.to_thread(publish, part)
            while pair.killed <= part:
                await asyncio.sleep(0.05)
        disturbing.cancel()
        wanted = [set(range(turn % ROOMS, MESSAGES, ROOMS)) for turn in range(CLIENTS)]
        while any(not set(client.came) >= all_ for client, all_ in zip(clients, wanted, strict=True)):
            assert not any(task.done() for task in following), [task for task in following if task.done()]
            await asyncio.sleep(0.1)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, disturbing, return_exceptions=True)

    asyncio.run(run())
    twice = 0
    for turn, client in enumerate(clients):
        sent = list(range(turn % ROOMS, MESSAGES, ROOMS))
        assert list(dict.fromkeys(client.came)) == sent, "all of it, and in order"
        assert (client.sessions, client.lost) == (1, 0)
        twice += sum(times - 1 for times in Counter(client.came).values())
    assert pair.killed >= KILLS
    print(f"{pair.killed} nodes killed, {twice} of {CLIENTS * MESSAGES // ROOMS} messages came more than once")
