"""Two nodes behind a balancer that sends each request to the other one, and one of them killed every three seconds: the
set of messages that 200 browsers receive is the set that was published."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection
from itertools import count
from typing import Any

import pytest

from longpoll.log import Channels
from queueapi.postgres.connection import Connection
from tests.longpoll.serving import Service

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

CLIENTS, MESSAGES, CHANNELS, KILL_EVERY, SECONDS = 200, 5_000, 20, 3.0, 16.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """One of the two: killed and started again, on the same port."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.port = free_port()
        self.start()

    def start(self) -> None:
        self.service = Service(self._dsn, "--port", str(self.port))

    def kill(self) -> None:
        self.service.process.kill()
        self.service.process.communicate()

    def stop(self) -> None:
        if self.service.process.poll() is None:
            self.service.end()


class Client:
    """Polls the nodes in turns. What it got counts when it was read to the end, as with longpoll.js."""

    def __init__(self, number: int, ports: tuple[int, int]) -> None:
        self.channel = f"c{number % CHANNELS}"
        self.ports = ports
        self.cursor: str | None = None
        self.got: list[int] = []
        self.failed = self.resets = 0
        self._turns = count(number)

    async def run(self, enough: Callable[[], bool]) -> None:
        while not enough() or len(set(self.got)) < MESSAGES // CHANNELS:
            try:
                reply = await asyncio.wait_for(self._poll(), 20)
            except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError):
                self.failed += 1
                await asyncio.sleep(0.05)
                continue
            self.cursor = reply["cursor"]
            self.resets += reply["reset"]
            self.got += [message["data"] for message in reply["messages"]]

    async def _poll(self) -> dict[str, Any]:
        body = json.dumps({"channels": [self.channel], "cursor": self.cursor, "wait": 5 if self.cursor else 0}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[next(self._turns) % 2])
        try:
            head = f"POST /poll HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            if b" 200 " not in lines[0]:
                raise ValueError(lines[0])
            (length,) = (int(line[15:]) for line in lines if line.startswith(b"content-length:"))
            return json.loads(await reader.readexactly(length))  # type: ignore[no-any-return]
        finally:
            writer.close()


def publish(channels: Channels, open_: Callable[[], Connection], done: threading.Event) -> None:
    """All messages, some of them in transactions that overlap, and some that are taken back."""
    dice = random.Random(7)
    begun = time.monotonic()
    connection = open_()
    numbers = iter(range(MESSAGES))
    for number in numbers:
        with connection.transaction():
            channels[f"c{number % CHANNELS}"].publish("n", number, conn=connection)
            if dice.random() < 0.3:  # one that begins later and is committed earlier
                other = next(numbers, None)
                if other is not None:
                    channels[f"c{other % CHANNELS}"].publish("n", other)
        ahead = begun + SECONDS * number / MESSAGES - time.monotonic()
        if ahead > 0:
            done.wait(ahead)  # it paces itself: nothing is waited for
    connection.close()
    done.set()


def keep_killing(nodes: list[Node], done: threading.Event) -> None:
    for turn in count():
        if done.wait(KILL_EVERY):
            return
        node = nodes[turn % 2]
        node.kill()
        node.start()


def test_nothing_is_lost_while_nodes_are_killed(
    dsn: str, channels: Channels, open_: Callable[[], Connection]
) -> None:
    nodes = [Node(dsn), Node(dsn)]
    clients = [Client(number, (nodes[0].port, nodes[1].port)) for number in range(CLIENTS)]
    done = threading.Event()

    async def everybody() -> None:
        running = [asyncio.create_task(client.run(done.is_set)) for client in clients]
        while not all(client.cursor for client in clients):
            await asyncio.sleep(0.05)
        for work in (lambda: publish(channels, open_, done), lambda: keep_killing(nodes, done)):
            threading.Thread(target=work).start()
        await asyncio.wait_for(asyncio.gather(*running), 120)

    asyncio.run(everybody())
    for client in clients:
        assert client.resets == 0
        assert set(client.got) == {number for number in range(MESSAGES) if f"c{number % CHANNELS}" == client.channel}
        assert Counter(client.got).most_common(1)[0][1] == 1, "none twice: the cursor moves with what was read"
    assert sum(client.failed for client in clients) > CLIENTS, "it was hard enough"
    connection = HTTPConnection("127.0.0.1", nodes[0].port, timeout=10)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    for node in nodes:
        node.stop()
