"""One process of ``longpoll-serve``, patched by gevent before this is loaded: from its settings to its end."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import gevent
from gevent.event import Event
from gevent.socket import socket as cooperative
from setproctitle import setproctitle

from longpoll.app import create_app
from longpoll.door import Authorize
from longpoll.endpoints.bayeux import Bayeux
from longpoll.endpoints.private_pub import Gate
from longpoll.endpoints.pusher import Pusher
from longpoll.listener import Feed
from longpoll.server import Server
from longpoll.services import ANYBODY, App, Endpoint
from queueapi.errors import SettingsError
from queueapi.events import Events
from queueapi.logs import configure
from queueapi.runtime import Runtime
from queueapi.settings import Settings

# Bytes of a request: a message of a megabyte, and what a dialect puts around it. Each endpoint has its own limit; that
# of Pusher's server libraries, who send in batches, may be above this.
MAX_BODY = 1_100_000
# Objects that were made and are still there, from which on Python looks for cycles: some megabytes of garbage at worst.
COLLECT_AT = 20_000


def serve(
    arguments: argparse.Namespace,
    listener: socket.socket,
    address: str,
    lifeline: int | None,
    ready: Callable[[], None],
    drain: float,
) -> None:
    """Until SIGTERM or SIGINT.

    Args:
        address: of the listener, for people.
        lifeline: a descriptor that can be read when the parent is gone.
        ready: called when connections are accepted.
        drain: seconds from the signal until connections are cut.

    Raises:
        SettingsError: something is missing, or cannot be.
        SchemaMismatch: the database has another schema.
        StoreUnavailable: it is away.
    """
    runtime = Runtime(Settings.from_env())
    runtime.signer()  # no secret: say so before anything else
    gate = Gate.from_env(os.environ)
    try:
        runtime.check()
        configure("longpoll", arguments.verbose)
        feed = Feed(runtime.open, Events(_Sentences()), runtime.open_listening)
        app, max_body = _application(arguments, runtime, feed, gate)
        log = logging.getLogger("longpoll.access") if arguments.verbose else None
        accepting = cooperative(listener.family, listener.type, listener.proto, fileno=os.dup(listener.fileno()))
        server = Server(accepting, app, log=log, max_body=max_body)
        if arguments.processes > 1:
            server.max_accept = 1  # else the first that wakes takes all, and the others have nothing to do
        server.init_socket()
        feed.start()
        server.start()
        ready()
        _collect_less()
        _run(server, feed, address, lifeline, drain)
    finally:
        runtime.pool.close()


def _collect_less() -> None:
    """What is there stays. A poll leaves no cycles behind: to look for some at every 700 objects, of which a message to
    thousands makes as many, takes a tenth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AT)


def _application(arguments: argparse.Namespace, runtime: Runtime, feed: Feed, gate: Gate | None) -> tuple[App, int]:
    """The app, and bytes of the longest request that it takes."""
    endpoints, max_body = _endpoints(arguments, gate)
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
        endpoints=endpoints,
    )
    return app, max_body


def _endpoints(arguments: argparse.Namespace, gate: Gate | None) -> tuple[Sequence[Endpoint], int]:
    """The dialects beside the native one, and bytes of the longest request that one of them takes."""
    bayeux = Bayeux(arguments.faye, [gate] if gate else [])
    pusher = Pusher.from_env()
    if pusher is None:
        return (bayeux,), MAX_BODY
    return (bayeux, pusher), max(MAX_BODY, pusher.max_body)


def _named(path: str | None) -> Authorize | None:
    """The application's function.

    Raises:
        SettingsError: there is none of that name.
    """
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


def _run(server: Server, feed: Feed, address: str, lifeline: int | None, drain: float) -> None:
    """Until SIGTERM or SIGINT, or the parent is gone; then everybody is answered."""
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
    server.drain(drain)
    log.info("stopped")


def _title(server: Server, address: str) -> None:
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
