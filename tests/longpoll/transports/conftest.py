"""Other WSGI servers, and threads that are interrupted in the worst places."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest

from tests.longpoll.conftest import on_waitress

Start = Callable[[Any], int]


@pytest.fixture(params=["waitress", "wsgiref"])
def serve(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Serves an application on another WSGI server, in a thread, and returns the port."""
    with ExitStack() as servers:
        serving = {"waitress": on_waitress, "wsgiref": on_wsgiref}[request.param]
        yield lambda application: servers.enter_context(serving(application))


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def on_wsgiref(application: Any) -> Iterator[int]:
    with WSGIServer(("127.0.0.1", 0), Quiet) as server:
        server.set_app(application)
        running = threading.Thread(target=server.serve_forever, args=(0.01,))
        running.start()
        yield server.server_port
        server.shutdown()
        running.join()


@pytest.fixture
def often_interrupted() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)
