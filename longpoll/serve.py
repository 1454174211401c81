"""``longpoll-serve``: the app on our server, in processes patched by gevent before anything else is loaded."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence

from longpoll.options import parse

# 2 is argparse's own for wrong words; 3 tells a deployment that the schema and the code do not fit.
WRONG_SETTINGS, WRONG_SCHEMA = 2, 3
# Seconds from SIGTERM until connections are cut: replies are written at once, slow readers may take a while.
DRAIN = 10.0
# Seconds that an address for --debug is good for.
DEBUG_FOR = 3600.0
# Waiting connections: a restart brings all browsers back at once; the kernel caps it at somaxconn.
BACKLOG = 4096


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
        from longpoll.serving import serve

        serve(arguments, listener, address, lifeline, ready, DRAIN)
    except SchemaMismatch as error:
        return _refuse(error, WRONG_SCHEMA)
    except QueueAPIError as error:
        return _refuse(error, WRONG_SETTINGS if isinstance(error, ValueError) else 1)
    return 0


def _refuse(sentence: object, code: int) -> int:
    print(f"longpoll-serve: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
