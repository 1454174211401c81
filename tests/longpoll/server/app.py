"""A server in a process of its own, with an application that holds what the tests tell it to hold.

Run by ``python -m gevent.monkey``, with the server's keyword arguments as one JSON object. Then it talks in
lines of JSON: the first line it writes is its port; after that each line it reads is ``[command, argument]``
and is answered with one line.
"""

import gc
import json
import random
import socket
import sys
import time

import falcon
import gevent
from gevent.event import Event
from gevent.fileobject import FileObjectPosix
from greenlet import greenlet

from longpoll.server import Server
from longpoll.transports.held import HeldReply

held: list[HeldReply] = []
gone: list[float] = []
seen: list[str] = []
release = Event()


def new_held() -> HeldReply:
    reply = HeldReply(forget=lambda: gone.append(time.monotonic()))
    held.append(reply)
    return reply


class FalconPoll:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "application/json"
        resp.stream = new_held()


falcon_app = falcon.App()
falcon_app.add_route("/falcon", FalconPoll())


def application(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    seen.append(path)
    if path == "/falcon":
        return falcon_app(environ, start_response)
    if path == "/boom":
        raise RuntimeError("as the test ordered")
    if path == "/wait":
        release.wait()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return bodies[path](environ, query)


def echo(environ, query):
    body = environ["wsgi.input"].read()
    return [f"{environ['REQUEST_METHOD']} {environ.get('CONTENT_LENGTH')} ".encode() + body]


def answered_already(environ, query):
    reply = HeldReply()
    reply.answer(query.encode())
    return reply


def answered_by_a_thread(environ, query):
    """Answered by a native thread at any moment before, while or after it is parked."""
    reply = HeldReply()

    def answer():
        for _ in range(random.randrange(2000)):
            pass
        reply.answer(query.encode())

    gevent.get_hub().threadpool.spawn(answer)
    return reply


bodies = {
    "/hold": lambda environ, query: new_held(),
    "/echo": echo,
    "/ignore": lambda environ, query: [b"ignored"],
    "/wait": lambda environ, query: [b"waited"],
    "/stream": lambda environ, query: iter([b"one,", b"two,", b"three"]),
    "/big": lambda environ, query: [b"x" * int(query)],
    "/answered": answered_already,
    "/threaded": answered_by_a_thread,
}


def answer(body: str) -> int:
    replies, held[:] = held[:], []
    for reply in replies:
        reply.answer(body.encode())
    return len(replies)


def start_anew(_: None) -> None:
    """All clients of the last test have closed; what they did is forgotten."""
    answer("the test is over")
    until({"connections": 0})
    seen.clear()
    gone.clear()


def until(wanted: dict[str, int]) -> dict[str, int]:
    """Waits until the server's figures are those; all figures, whether or not it came to that."""
    with gevent.Timeout(5, False):
        while any(figures()[name] != number for name, number in wanted.items()):
            gevent.sleep(0.002)
    return figures()


def figures() -> dict[str, int]:
    return {**server.stats(), "gone": len(gone), "connections": len(server.rooms)}


def greenlets(_: None) -> int:
    gc.collect()
    return sum(isinstance(thing, greenlet) and bool(thing) for thing in gc.get_objects())


def nodelay(_: None) -> list[int]:
    return [connection._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for connection in server.rooms]


def drain(argument: list) -> bool:
    timeout, body = argument
    server.on_drain.append(lambda: 1 / 0)  # one that fails keeps nobody from the others
    if body is not None:
        server.on_drain.append(lambda: answer(body))
    return server.drain(timeout)


commands = {
    "start_anew": start_anew,
    "answer": answer,
    "until": until,
    "greenlets": greenlets,
    "nodelay": nodelay,
    "drain": drain,
    "seen": lambda _: seen,
    "release": lambda _: release.set(),
}


def listen_to_the_test() -> None:
    for line in FileObjectPosix(0, "rb"):
        gevent.spawn(obey, *json.loads(line))
    server.stop()


def obey(command: str, argument) -> None:
    print(json.dumps(commands[command](argument)), flush=True)


server = Server(("127.0.0.1", 0), application, **json.loads(sys.argv[1]))
server.start()
print(json.dumps(server.server_port), flush=True)
control = gevent.spawn(listen_to_the_test)
server.serve_forever()
control.join(timeout=5)
