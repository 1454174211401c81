"""``longpoll-serve``: the app on our server, in a process patched by gevent before anything else is loaded."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longpoll.listener import Feed
    from longpoll.server import Server

# 2 is argparse's own for wrong words; 3 tells a deployment that the schema and the code do not fit.
WRONG_SETTINGS, WRONG_SCHEMA = 2, 3
# Seconds from SIGTERM until connections are cut: replies are written at once, slow readers may take a while.
DRAIN = 10.0

_EPILOG = """\
examples:
  longpoll-serve                              on 127.0.0.1:9292, behind a proxy of yours
  longpoll-serve --host 0.0.0.0 --port 80     for everybody
  longpoll-serve --origin https://shop.example --origin https://www.shop.example

environment:
  DATABASE_URL, or PGHOST, PGUSER, …   the PostgreSQL server
  QUEUEAPI_SECRET                      signs tickets; the same as the web app's, 32 bytes or more
  LONGPOLL_HOST, LONGPOLL_PORT, LONGPOLL_ORIGINS   as the options

then:
  curl localhost:9292/healthz
  <script src="http://localhost:9292/longpoll.js"></script>
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The script ``longpoll-serve``."""
    from gevent import monkey

    monkey.patch_all()
    arguments = _arguments(argv)
    from queueapi.errors import QueueAPIError, SchemaMismatch

    try:
        return _serve(arguments)
    except SchemaMismatch as error:
        return _refuse(error, WRONG_SCHEMA)
    except QueueAPIError as error:
        return _refuse(error, WRONG_SETTINGS if isinstance(error, ValueError) else 1)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        return _refuse(f"cannot listen on {arguments.host}:{arguments.port}: {reason}", 1)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not arguments.origins:
        try:
            arguments.origins = [_origin(o) for o in os.environ.get("LONGPOLL_ORIGINS", "").replace(",", " ").split()]
        except argparse.ArgumentTypeError as error:
            parser.error(f"LONGPOLL_ORIGINS: {error}")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="longpoll-serve",
        description="Hold the polls of browsers, and answer them when their jobs and channels have news.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--host",
        default=os.environ.get("LONGPOLL_HOST") or "127.0.0.1",
        help="address to listen on (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--port", type=_port, default=os.environ.get("LONGPOLL_PORT") or "9292", help="port (default: 9292)"
    )
    parser.add_argument(
        "--origin", action="append", dest="origins", metavar="ORIGIN", type=_origin,
        help="of pages that may ask from a browser, such as https://shop.example; may be repeated (default: any)",
    )  # fmt: skip
    parser.add_argument("-v", "--verbose", action="store_true", help="log every request")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535")
    return int(text)


def _origin(text: str) -> str:
    scheme, _, host = text.partition("://")
    if text != "*" and (scheme not in ("http", "https") or not host or "/" in host):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no origin: give scheme, host and port, as in https://shop.example"
        )
    return text


def _serve(arguments: argparse.Namespace) -> int:
    from longpoll.app import create_app
    from longpoll.listener import Feed
    from longpoll.server import Server
    from longpoll.services import ANYBODY
    from queueapi.events import Events
    from queueapi.logs import configure
    from queueapi.runtime import Runtime
    from queueapi.settings import Settings

    runtime = Runtime(Settings.from_env())
    runtime.signer()  # no secret: say so before anything else
    try:
        runtime.check()
        configure("longpoll", arguments.verbose)
        feed = Feed(runtime.open, Events(_Sentences()), runtime.open_listening)
        anybody = not arguments.origins or ANYBODY in arguments.origins
        app = create_app(feed, runtime, ANYBODY if anybody else arguments.origins)
        log = logging.getLogger("longpoll.access") if arguments.verbose else None
        server = Server((arguments.host, arguments.port), app, log=log)
        server.init_socket()  # a port that is taken: before anybody is told that we are there
        feed.start()
        server.start()
        _run(server, feed)
    finally:
        runtime.pool.close()
    return 0


def _run(server: Server, feed: Feed) -> None:
    """Until SIGTERM or SIGINT; then everybody is answered."""
    import gevent
    from gevent.event import Event

    asked = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, asked.set)
    log = logging.getLogger("longpoll")
    address = f"{server.server_host}:{server.server_port}"
    log.info("ready: listening on http://%s", address)
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
        elif name == "loop_failed":
            log.error("%s failed and goes on", fields["who"], exc_info=fields["error"])


def _refuse(sentence: object, code: int) -> int:
    print(f"longpoll-serve: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
