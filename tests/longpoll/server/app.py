"""A server in a process of its own, with an application that does what the tests tell it to do.

Run by ``python -m gevent.monkey``, with the server's keyword arguments as one JSON object. Then it talks in
lines of JSON: the first line it writes is its port; after that each line it reads is ``[command, argument]``
and is answered with one line.
"""

import gc
import json
import socket
import sys
from collections.abc import Callable
from typing import Any

import gevent
from gevent.fileobject import FileObjectPosix
from greenlet import greenlet

from longpoll.server import Server
from tests.longpoll.server.application import application, gone, held, messages, release, seen, streams, websockets


def answer(body: str) -> int:
    replies, held[:] = held[:], []
    for reply in replies:
        reply.answer(body.encode())
    return len(replies)


def write(text: str) -> int:
    data = text.encode()
    for reply in streams:
        reply.write(data)
    return len(streams)


def send(text: str) -> int:
    for reply in websockets:
        reply.send_text(text)
    return len(websockets)


def send_from_threads(count: int) -> None:
    """That many native threads, each of which counts to a hundred on every websocket."""

    def count_up(name: int) -> None:
        for number in range(100):
            send(f"{name} {number}")

    pool = gevent.get_hub().threadpool
    for each in [pool.spawn(count_up, name) for name in range(count)]:
        each.get()


def fill(size: int) -> int:
    """Writes long texts until everybody is cut off, and returns how many it took."""
    for number in range(1000):
        if all(reply.over for reply in (*streams, *websockets)):
            return number
        write("x" * size)
        send("x" * size)
        gevent.sleep(0)
    return -1


def end_all(_: None) -> None:
    for stream in streams:
        stream.end()


def close_all(argument: list[Any]) -> None:
    for websocket in websockets:
        websocket.close(*argument)


def abandon_all(_: None) -> None:
    for reply in (*streams, *websockets):
        reply.abandon()


def start_anew(_: None) -> None:
    """All clients of the last test have closed; what they did is forgotten."""
    release.set()
    answer("the test is over")
    until({"connections": 0, "busy": 0})
    for things in (streams, websockets, seen, gone, messages):
        things.clear()
    release.clear()


def until(wanted: dict[str, int]) -> dict[str, int]:
    """Waits until the server's figures are those; all figures, whether or not it came to that."""
    with gevent.Timeout(5, False):  # type: ignore[arg-type]  # what gevent says of False, its types do not
        while any(figures()[name] != number for name, number in wanted.items()):
            gevent.sleep(0.002)
    return figures()


def figures() -> dict[str, int]:
    return {
        **server.stats(),
        "gone": len(gone),
        "messages": len(messages),
        "connections": len(server.rooms),
        "collected": server.collected,
        "busy": server.busy(),
    }


def greenlets(_: None) -> int:
    gc.collect()
    return sum(isinstance(thing, greenlet) and bool(thing) for thing in gc.get_objects())


def options(_: None) -> list[list[int]]:
    names = [getattr(socket, name) for name in ("TCP_NODELAY", "TCP_USER_TIMEOUT") if hasattr(socket, name)]
    return [[each._socket.getsockopt(socket.IPPROTO_TCP, name) for name in names] for each in server.rooms]


def drain(argument: list[Any]) -> bool:
    timeout, body = argument
    server.on_drain.append(lambda: 1 / 0)  # one that fails keeps nobody from the others
    if body is not None:
        server.on_drain.append(lambda: (answer(body), write(body), send(body)))
    return server.drain(timeout)


commands: dict[str, Callable[[Any], Any]] = {
    "start_anew": start_anew,
    "answer": answer,
    "write": write,
    "send": send,
    "send_from_threads": send_from_threads,
    "fill": fill,
    "end": end_all,
    "close": close_all,
    "abandon": abandon_all,
    "until": until,
    "greenlets": greenlets,
    "options": options,
    "drain": drain,
    "seen": lambda _: seen,
    "messages": lambda _: messages,
    "close_codes": lambda _: [websocket.close_code for websocket in websockets],
    "release": lambda _: release.set(),
}


def listen_to_the_test() -> None:
    for line in FileObjectPosix(0, "rb"):
        gevent.spawn(obey, *json.loads(line))
    server.stop()


def obey(command: str, argument: Any) -> None:
    print(json.dumps(commands[command](argument)), flush=True)


server = Server(("127.0.0.1", 0), application, **json.loads(sys.argv[1]))
server.start()
print(json.dumps(server.server_port), flush=True)
control = gevent.spawn(listen_to_the_test)
server.serve_forever()
control.join(timeout=5)
