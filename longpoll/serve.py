"""``longpoll-serve``: the app on our server, in processes patched by gevent before anything else is loaded."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from longpoll.options import parse

if TYPE_CHECKING:
    from longpoll.door import Authorize
    from longpoll.endpoints.private_pub import Gate
    from longpoll.listener import Feed
    from longpoll.server import Server
    from longpoll.services import Endpoint

# 2 is argparse's own for wrong words; 3 tells a deployment that the schema and the code do not fit.
WRONG_SETTINGS, WRONG_SCHEMA = 2, 3
# Seconds from SIGTERM until connections are cut: replies are written at once, slow readers may take a while.
DRAIN = 10.0
# Seconds that an address for --debug is good for.
DEBUG_FOR = 3600.0
# Waiting connections: a restart brings all browsers back at once; the kernel caps it at somaxconn.
BACKLOG = 4096
# Bytes of a request: a message of a megabyte, and what a dialect puts around it. Each endpoint has its own limit below.
MAX_BODY = 1_100_000


def main(argv: Sequence[str] | None = None) -> int:
    """The script ``longpoll-serve``."""
    arguments = parse(argv)
    if arguments.debug:
        return _print_debug_address(arguments)
    try:
        listener = _listen(arguments.host, arguments.port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        return _refuse(f"cannot listen on {arguments.host}:{arguments.port}: {reason}", 1)
    host, port = listener.getsockname()[:2]
    address = f"{host}:{port}"
    if arguments.processes == 1:
        return _serve(arguments, listener, address, None, lambda: _say_ready(address))
    return _supervise(arguments, listener, address)


def _print_debug_address(arguments: argparse.Namespace) -> int:
    from longpoll.endpoints.debug import PATH, key
    from queueapi.errors import QueueAPIError
    from queueapi.settings import Settings
    from queueapi.signing import Signer

    try:
        signed = key(Signer(*Settings.from_env().secrets), DEBUG_FOR)
    except QueueAPIError as error:
        return _refuse(error, WRONG_SETTINGS)
    print(f"http://{arguments.host}:{arguments.port}{PATH}?key={signed}")
    return 0


def _listen(host: str, port: int) -> socket.socket:
    """A port that is taken is known before anybody is told that we are there."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, *_, address = found[0]
    return socket.create_server(address, family=family, backlog=BACKLOG)


def _supervise(arguments: argparse.Namespace, listener: socket.socket, address: str) -> int:
    from setproctitle import setproctitle

    from longpoll.processes import Processes
    from queueapi.logs import configure

    configure("longpoll", arguments.verbose)
    count = arguments.processes
    setproctitle(f"longpoll-serve: supervisor of {count} processes on {address}")

    def work(lifeline: int, ready: Callable[[], None]) -> int:
        return _serve(arguments, listener, address, lifeline, ready)

    log = logging.getLogger("longpoll")
    code = Processes(count, work, DRAIN, lambda: _say_ready(address, f": {count} processes")).run()
    if not code:
        log.info("stopped: all %d processes", count)
    return code


def _say_ready(address: str, who: str = "") -> None:
    logging.getLogger("longpoll").info("ready%s: listening on http://%s", who, address)


# -- one process


def _serve(
    arguments: argparse.Namespace,
    listener: socket.socket,
    address: str,
    lifeline: int | None,
    ready: Callable[[], None],
) -> int:
    from gevent import monkey

    monkey.patch_all()
    from queueapi.errors import QueueAPIError, SchemaMismatch

    try:
        return _serve_patched(arguments, listener, address, lifeline, ready)
    except SchemaMismatch as error:
        return _refuse(error, WRONG_SCHEMA)
    except QueueAPIError as error:
        return _refuse(error, WRONG_SETTINGS if isinstance(error, ValueError) else 1)


def _serve_patched(
    arguments: argparse.Namespace,
    listener: socket.socket,
    address: str,
    lifeline: int | None,
    ready: Callable[[], None],
) -> int:
    from gevent.socket import socket as cooperative

    from longpoll.app import create_app
    from longpoll.endpoints.private_pub import Gate
    from longpoll.listener import Feed
    from longpoll.server import Server
    from longpoll.services import ANYBODY
    from queueapi.events import Events
    from queueapi.logs import configure
    from queueapi.runtime import Runtime
    from queueapi.settings import Settings

    runtime = Runtime(Settings.from_env())
    runtime.signer()  # no secret: say so before anything else
    gate = Gate.from_env(os.environ)
    try:
        runtime.check()
        configure("longpoll", arguments.verbose)
        feed = Feed(runtime.open, Events(_Sentences()), runtime.open_listening)
        anybody = not arguments.origins or ANYBODY in arguments.origins
        app = create_app(
            feed,
            runtime,
            ANYBODY if anybody else arguments.origins,
            authorize=_named(arguments.authorize),
            publish=arguments.publish,
            private=arguments.private or (["/**"] if gate else []),
            limits=arguments.limits,
            proxies=arguments.proxies,
            endpoints=_endpoints(arguments, gate),
        )
        log = logging.getLogger("longpoll.access") if arguments.verbose else None
        accepting = cooperative(listener.family, listener.type, listener.proto, fileno=os.dup(listener.fileno()))
        server = Server(accepting, app, log=log, max_body=MAX_BODY)
        if arguments.processes > 1:
            server.max_accept = 1  # else the first that wakes takes all, and the others have nothing to do
        server.init_socket()
        feed.start()
        server.start()
        ready()
        _run(server, feed, address, lifeline)
    finally:
        runtime.pool.close()
    return 0


def _endpoints(arguments: argparse.Namespace, gate: Gate | None) -> list[Endpoint]:
    from longpoll.endpoints.bayeux import Bayeux
    from longpoll.endpoints.pusher import Pusher

    pusher = Pusher.from_env()
    return [Bayeux(arguments.faye, [gate] if gate else []), *([pusher] if pusher else [])]


def _named(path: str | None) -> Authorize | None:
    """The application's function.

    Raises:
        SettingsError: there is none of that name.
    """
    from queueapi.errors import SettingsError

    if path is None:
        return None
    module, _, name = path.partition(":")
    sys.path.insert(0, os.getcwd())  # as python -m would
    try:
        function = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"--authorize {path}: {error}: give it as module:function") from error
    if not callable(function):
        raise SettingsError(f"--authorize {path}: this is not a function: give it as module:function")
    return function  # type: ignore[no-any-return]


def _run(server: Server, feed: Feed, address: str, lifeline: int | None) -> None:
    """Until SIGTERM or SIGINT, or the parent is gone; then everybody is answered."""
    import gevent
    from gevent.event import Event

    asked = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, asked.set)
    if lifeline is not None:
        watcher = gevent.get_hub().loop.io(lifeline, 1)
        watcher.start(asked.set)
    log = logging.getLogger("longpoll")
    titling = gevent.spawn(_title, server, address)
    asked.wait()
    log.info("stopping: %d held polls are answered", feed.start().held)
    titling.kill()
    server.on_drain.append(feed.stop)
    server.drain(DRAIN)
    log.info("stopped")


def _title(server: Server, address: str) -> None:
    import gevent
    from setproctitle import setproctitle

    while True:
        setproctitle(f"longpoll-serve: {server.stats()['held']} held on {address}")
        gevent.sleep(1.0)


class _Sentences:
    """Turns the feed's events into log lines."""

    def __call__(self, name: str, fields: dict[str, Any]) -> None:
        log = logging.getLogger("longpoll")
        if name == "store_lost":
            log.error("%s: %s; held polls wait on, trying again", fields["who"], fields["error"])
        elif name == "store_back":
            log.info("%s: PostgreSQL is back after %d tries", fields["who"], fields["tries"])
        elif name == "upkeep_failed":
            log.warning("the log's partitions are not kept up: %s; trying again in a minute", fields["error"])
        elif name == "loop_failed":
            log.error("%s failed and goes on", fields["who"], exc_info=fields["error"])


def _refuse(sentence: object, code: int) -> int:
    print(f"longpoll-serve: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
