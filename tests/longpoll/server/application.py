"""The application of the server under test: it keeps what it answers with, for the commands of ``app``."""

import random
import time
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import falcon
import gevent
from gevent.event import Event
from greenlet import getcurrent

from longpoll.transports import handshake
from longpoll.transports.held import HeldReply
from longpoll.transports.stream import StreamReply
from longpoll.transports.websocket import WebSocketReply

held: list[HeldReply] = []
streams: list[StreamReply] = []
websockets: list[WebSocketReply] = []
gone: list[float] = []
seen: list[str] = []
messages: list[str] = []
release = Event()


def is_gone() -> None:
    assert getcurrent() is not gevent.get_hub()  # whoever is told may wait
    gone.append(time.monotonic())


def new_held() -> HeldReply:
    reply = HeldReply(forget=is_gone)
    held.append(reply)
    return reply


def new_stream(query: str = "") -> StreamReply:
    reply = StreamReply(is_gone, prelude=query.encode())
    streams.append(reply)
    return reply


def new_websocket(how: str, subprotocol: str | None = None) -> WebSocketReply:
    def hear(text: str) -> None:
        assert getcurrent() is not gevent.get_hub()
        messages.append(text)
        if how == "wait":
            release.wait()
        elif how == "boom":
            raise RuntimeError("as the test ordered")
        elif how == "echo":
            reply.send_text(text)

    reply = WebSocketReply(hear, is_gone, subprotocol)
    websockets.append(reply)
    if how == "greet":
        reply.send_text("welcome")
    elif how == "leave":
        reply.close(4001, "not today")
    return reply


class FalconPoll:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "application/json"
        resp.stream = new_held()


class FalconEvents:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/event-stream"
        resp.stream = new_stream()


class FalconSocket:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        refusal = handshake.refusal(req.env)
        if refusal:
            resp.status = falcon.code_to_http_status(refusal.status)
            resp.set_headers(dict(refusal.headers))
            resp.text = refusal.sentence
        else:
            resp.stream = new_websocket("echo")


falcon_app = falcon.App()
falcon_app.add_route("/falcon", FalconPoll())
falcon_app.add_route("/falcon/events", FalconEvents())
falcon_app.add_route("/falcon/socket", FalconSocket())


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    seen.append(path)
    if path.startswith("/falcon"):
        return falcon_app(environ, start_response)
    if path == "/boom":
        raise RuntimeError("as the test ordered")
    if path == "/wait":
        release.wait()
    start_response(statuses.get(path, "200 OK"), [("Content-Type", "text/plain")])
    return bodies[path](environ, query)


def echo(environ: WSGIEnvironment, query: str) -> list[bytes]:
    body = environ["wsgi.input"].read()
    return [f"{environ['REQUEST_METHOD']} {environ.get('CONTENT_LENGTH')} ".encode() + body]


def answered_already(environ: WSGIEnvironment, query: str) -> HeldReply:
    reply = HeldReply()
    reply.answer(query.encode())
    return reply


def answered_by_a_thread(environ: WSGIEnvironment, query: str) -> HeldReply:
    """Answered by a native thread at any moment before, while or after it is parked."""
    reply = HeldReply()

    def answer() -> None:
        for _ in range(random.randrange(2000)):
            pass
        reply.answer(query.encode())

    gevent.get_hub().threadpool.spawn(answer)
    return reply


def counted_by_a_thread(environ: WSGIEnvironment, query: str) -> StreamReply:
    """Counts up to the number in the query, from a native thread, and ends."""
    reply = new_stream()

    def count() -> None:
        for number in range(int(query)):
            reply.write(b"%d," % number)
        reply.end()

    gevent.get_hub().threadpool.spawn(count)
    return reply


def ended_already(environ: WSGIEnvironment, query: str) -> StreamReply:
    reply = new_stream()
    reply.write(query.encode())
    reply.end()
    return reply


statuses = {"/nothing": "204 No Content"}
bodies: dict[str, Callable[[WSGIEnvironment, str], Iterable[bytes]]] = {
    "/hold": lambda environ, query: new_held(),
    "/echo": echo,
    "/ignore": lambda environ, query: [b"ignored"],
    "/wait": lambda environ, query: [b"waited"],
    "/stream": lambda environ, query: iter([b"one,", b"two,", b"three"]),
    "/big": lambda environ, query: [b"x" * int(query)],
    "/answered": answered_already,
    "/threaded": answered_by_a_thread,
    "/events": lambda environ, query: new_stream(query),
    "/nothing": lambda environ, query: new_stream(query),
    "/counted": counted_by_a_thread,
    "/ended": ended_already,
    "/socket": lambda environ, query: new_websocket(query, handshake.choose(environ, ["chat", "talk"])),
}
